// How the channels of every tensor lie in memory. Each tensor has an axis of rows and one of columns; an op ties axes that must lie
// alike, such as the columns of an input and of the weight it is multiplied by. Attention ties its own to heads, each padded to a
// multiple of 4 channels; every other axis is padded at its end.

import type { Node, Tensor } from '../graph/graph.ts';

/** Why a model cannot run on the kernels. */
export class LoweringError extends Error {}

export function padded(count: number): number {
  return Math.ceil(count / 4) * 4;
}

/** One axis, or one that is tied to another. */
export class Axis {
  readonly size: number;
  #tied: Axis | undefined;
  #heads = 1;

  constructor(size: number) {
    this.size = size;
  }

  get #root(): Axis {
    return this.#tied === undefined ? this : (this.#tied = this.#tied.#root);
  }

  /** Channels with their padding. */
  get padded(): number {
    const { size } = this;
    return this.heads * padded(size / this.heads);
  }

  /** Groups of channels that are padded apart. */
  get heads(): number {
    return this.#root.#heads;
  }

  set heads(heads: number) {
    // Heads without padding lie like any axis.
    if ((this.size / heads) % 4 !== 0) this.#root.#heads = heads;
  }

  /** Throws LoweringError where it lies in other heads than these. */
  expectHeads(heads: number): void {
    if (this.heads !== heads && (this.heads > 1 || (this.size / heads) % 4 !== 0))
      throw new LoweringError('heads of two widths in one place');
  }

  tie(other: Axis): void {
    const [root, second] = [this.#root, other.#root];
    if (root === second) return;
    if (root.size !== second.size) throw new LoweringError('channels of two sizes in one place');
    second.#tied = root;
    if (root.#heads === 1) root.#heads = second.#heads;
  }

  /** Where a channel lies, in numbers. */
  place(channel: number): number {
    const width = this.size / this.heads;
    return Math.floor(channel / width) * padded(width) + (channel % width);
  }
}

interface Axes {
  readonly rows: Axis;
  readonly columns: Axis;
}

/** The axes of tensors by what `keyOf` gives: the same key, the same axes. */
export class AxisMap {
  readonly #axes = new Map<unknown, Axes>();
  readonly #keyOf: (tensor: Tensor) => unknown;

  constructor(keyOf: (tensor: Tensor) => unknown) {
    this.#keyOf = keyOf;
  }

  of(tensor: Tensor): Axes {
    const key = this.#keyOf(tensor);
    let axes = this.#axes.get(key);
    if (axes === undefined) {
      const [rows, columns] = tensor.shape.length === 1 ? [1, tensor.shape[0]] : tensor.shape;
      axes = { rows: new Axis(rows), columns: new Axis(columns) };
      this.#axes.set(key, axes);
    }
    return axes;
  }

  /** Ties what `node` ties: operands of one shape, and those that have a number for each of its columns. */
  tie({ op, inputs, outputs, attrs }: Node): void {
    const [first, second] = inputs;
    const columns = (tensor: Tensor) => this.of(tensor).columns;
    const alike = (...tensors: Tensor[]) => {
      for (const tensor of tensors.slice(1)) columns(tensors[0]).tie(columns(tensor));
    };
    switch (op.name) {
      case 'linear':
        alike(first, second);
        this.of(second).rows.tie(columns(outputs[0]));
        break;
      case 'linear_grad_x':
        alike(outputs[0], second);
        this.of(second).rows.tie(columns(first));
        break;
      case 'linear_grad_w':
      case 'attention_grad_stats':
        break;
      case 'embedding':
        alike(outputs[0], first, second);
        break;
      case 'attention':
      case 'attention_decode':
        alike(outputs[0], ...inputs.slice(0, 3));
        columns(first).heads = attrs.heads;
        break;
      case 'attention_grad_q':
      case 'attention_grad_kv':
        alike(...inputs.slice(0, 4), ...outputs);
        break;
      case 'softmax_loss':
        alike(inputs[2], outputs[1]);
        break;
      default: {
        // Rows of one shape, and a number for each of their columns.
        const floats = [...inputs, ...outputs].filter(({ dtype }) => dtype === 'f32');
        const rows = floats.find(({ shape }) => shape.length === 2)?.shape;
        if (rows === undefined) break;
        alike(
          ...floats.filter(
            ({ shape }) => String(shape) === String(shape.length === 2 ? rows : rows.slice(1)),
          ),
        );
      }
    }
  }
}
