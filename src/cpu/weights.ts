// How parameters lie in memory: matrices that are multiplied by in panels of 16 columns, see src/cpu/wasm/panels.ts, with a transposed
// copy for the forward pass; tables that are only looked up are stored row by row. The weights of q, k and v stand in one matrix where they can.

import type { Node, Tensor } from '../graph/graph.ts';
import type { Plan } from '../graph/plan.ts';
import type { ParameterLayout } from '../model/parameters.ts';
import type { FloatArray } from '../util/arrays.ts';
import { AxisMap, padded } from './axes.ts';
import type { Axis } from './axes.ts';
import { Buffer } from './instructions.ts';

/** Columns of a panel. */
const PANEL = 16;

/** In the place of a stride: the matrix lies in panels. */
export const IN_PANELS = 0;

/**
 * Bytes from row to row of `count` numbers. Rows a multiple of 512 bytes apart would share a few sets of the first cache
 * (8 ways of 4 KB): such rows get one line more.
 */
export function strideOf(count: number): number {
  const bytes = 4 * padded(count);
  return bytes % 512 === 0 ? bytes + 64 : bytes;
}

/** A matrix (M, N), with padding, of one parameter or several, one below the other. */
export class Matrix {
  readonly M: number;
  readonly N: number;
  /** In bytes, or IN_PANELS. */
  readonly stride: number;
  readonly value: Buffer;
  readonly gradient: Buffer;
  readonly transposed: Buffer;
  /** Indices of the parameters that it holds. */
  readonly members: readonly number[];

  constructor(members: readonly number[], rows: Axis, columns: Axis, inPanels: boolean) {
    this.members = members;
    this.M = inPanels ? members.length * rows.padded : rows.size;
    this.N = columns.padded;
    this.stride = inPanels ? IN_PANELS : strideOf(this.N);
    const bytes = this.M * (inPanels ? 4 * this.N : this.stride);
    [this.value, this.gradient, this.transposed] = [bytes, bytes, inPanels ? bytes : 0].map((n) => new Buffer(n)) as [Buffer, Buffer, Buffer]; // prettier-ignore
  }

  /** The columns of `axis` that lie together in each row: where in the first row, and how far apart the rows are, in numbers. */
  pieces(axis: Axis): { column: number; length: number; at: number; step: number }[] {
    const pieces = [];
    const width = axis.size / axis.heads;
    for (let column = 0; column < axis.size;) {
      const place = axis.place(column);
      const inPanel = place % PANEL;
      let length = Math.min(width - (column % width), axis.size);
      if (this.stride === IN_PANELS) {
        length = Math.min(length, PANEL - inPanel);
        const panel = place - inPanel;
        pieces.push({ column, length, at: this.M * panel + inPanel, step: Math.min(PANEL, this.N - panel) });
      } else {
        pieces.push({ column, length, at: place, step: this.stride / 4 });
      }
      column += length;
    }
    return pieces;
  }
}

/** The parameters of a model, and what its plans call them. */
export class Weights {
  readonly matrices: readonly Matrix[];
  readonly axes: AxisMap;
  readonly #layout: ParameterLayout;
  readonly #byOffset: ReadonlyMap<number, number>;
  readonly #matrixOf: Matrix[] = [];
  /** Parameters by their tensors, and the other way round, in one of the plans. */
  readonly #indices = new Map<Tensor, number>();
  readonly #tensors: Tensor[] = [];

  /** The first of `plans` is that of training. */
  constructor(layout: ParameterLayout, plans: readonly Plan[]) {
    this.#layout = layout;
    this.#byOffset = new Map(layout.offsets.map((offset, index) => [offset, index]));
    for (const { buffers, dispatches } of plans) {
      for (const { node, inputs } of dispatches) {
        inputs.forEach(({ buffer, offset, length }, i) => {
          const tensor = node.inputs[i];
          // Adam's input is all of the region.
          if (buffers[buffer].name !== 'parameters' || length === layout.length) return;
          this.#indices.set(tensor, this.indexAt(offset));
          this.#tensors[this.indexAt(offset)] = tensor;
        });
      }
    }
    this.axes = new AxisMap((tensor) => this.#indices.get(tensor) ?? tensor);
    for (const { dispatches } of plans) for (const { node } of dispatches) this.axes.tie(node);

    const nodes = plans[0].dispatches.map(({ node }) => node);
    const multiplied = new Set(
      nodes.map(({ op, inputs }) => (op.name === 'linear' ? this.index(inputs[1]) : undefined)),
    );
    const stacks = this.#stacks(nodes);
    for (const index of layout.specs.keys()) {
      if (this.#matrixOf[index] !== undefined) continue;
      const { rows, columns } = this.axes.of(this.#tensors[index]);
      const members = stacks.get(index) ?? [index];
      const matrix = new Matrix(members, rows, columns, multiplied.has(index));
      for (const member of members) this.#matrixOf[member] = matrix;
    }
    this.matrices = [...new Set(this.#matrixOf)];
  }

  /** The parameter at an offset of its region. */
  indexAt(offset: number): number {
    return this.#byOffset.get(offset)!;
  }

  /** The parameter that a tensor is. */
  index(tensor: Tensor): number | undefined {
    return this.#indices.get(tensor);
  }

  of(tensor: Tensor): Matrix {
    return this.at(this.index(tensor)!);
  }

  at(index: number): Matrix {
    return this.#matrixOf[index];
  }

  /** The weights that make q, k and v of one row and nothing else, by each of them. */
  #stacks(nodes: readonly Node[]): Map<number, number[]> {
    const uses = new Map<number | undefined, number>();
    for (const { op, inputs } of nodes) {
      if (op.name === 'linear_grad_x') continue;
      for (const index of inputs.map((tensor) => this.index(tensor)))
        uses.set(index, (uses.get(index) ?? 0) + 1);
    }
    const stacks = new Map<number, number[]>();
    for (const { op, inputs } of nodes) {
      if (op.name !== 'attention') continue;
      const makers = inputs.slice(0, 3).flatMap(({ node }) => (node?.op.name === 'linear' ? [node] : []));
      const members = makers.map((node) => this.index(node.inputs[1])!);
      const together = makers.every((node) => node.inputs[0] === makers[0].inputs[0]) && members.every((index) => uses.get(index) === 1); // prettier-ignore
      if (members.length === 3 && together) for (const index of members) stacks.set(index, members);
    }
    return stacks;
  }

  get count(): number {
    return this.#layout.specs.reduce((sum, { size }) => sum + size, 0);
  }

  /** Copies a flat list in microgpt.py's order to `floats`, all of the memory; `distance`: in bytes, from values to what is meant. */
  write(flat: FloatArray, floats: Float32Array, distance = 0): void {
    this.#forEachPiece(distance, (from, to, length) => {
      for (let i = 0; i < length; i++) floats[to + i] = flat[from + i];
    });
  }

  read(floats: Float32Array, distance = 0): Float32Array {
    const flat = new Float32Array(this.count);
    this.#forEachPiece(distance, (to, from, length) => {
      for (let i = 0; i < length; i++) flat[to + i] = floats[from + i];
    });
    return flat;
  }

  /** Numbers that lie together in the flat list and in memory: where in each, and how many. */
  #forEachPiece(distance: number, visit: (flat: number, at: number, length: number) => void): void {
    this.#layout.specs.forEach(({ shape, offset }, index) => {
      const [rows, columns] = shape.length === 1 ? [1, shape[0]] : shape;
      const matrix = this.at(index);
      const axes = this.axes.of(this.#tensors[index]);
      const first = matrix.members.indexOf(index) * axes.rows.padded;
      const pieces = matrix.pieces(axes.columns);
      const start = (matrix.value.address + distance) / 4;
      for (let row = 0; row < rows; row++) {
        const place = first + axes.rows.place(row);
        for (const { column, length, at, step } of pieces)
          visit(offset + row * columns + column, start + at + place * step, length);
      }
    });
  }
}
