// The graph: tensors and the nodes that compute them, in the order they were added.

import { ShapeError } from '../util/errors.ts';
import { dtypeOf, operandNames, resultNames } from './op.ts';
import type { Attrs, DType, Op, Shape } from './op.ts';

export interface Tensor {
  /** For people: `layer0.rmsnorm.out`, or the name of a parameter. */
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  /** The node that computes it; null for what is given from outside (a source). Only `rename` changes it. */
  node: Node | null;
}

export interface Node {
  readonly op: Op;
  /** Where in the model it stands: `layer0`, `head`. */
  readonly where: string;
  /** The op's inputs, then the tensors it updates in place. Only `rename` changes these and the outputs. */
  inputs: readonly Tensor[];
  outputs: readonly Tensor[];
  readonly attrs: Attrs;
}

export class Graph {
  readonly nodes: Node[] = [];
  readonly sources: Tensor[] = [];
  /** Put before the op's name in the names of nodes that are added. */
  where = '';

  /** A tensor that is given from outside: a parameter, the data, a cache. */
  source(name: string, shape: Shape, dtype: DType = 'f32'): Tensor {
    const tensor: Tensor = { name, shape, dtype, node: null };
    this.sources.push(tensor);
    return tensor;
  }

  /** Adds a node and gives its outputs. Throws ShapeError where the inputs do not fit the op. */
  apply(op: Op, inputs: readonly Tensor[], attrs: Attrs = {}): readonly Tensor[] {
    return this.add(op, inputs, attrs).outputs;
  }

  /** Adds a node and gives it; as `apply`. */
  add(op: Op, inputs: readonly Tensor[], attrs: Attrs = {}): Node {
    const names = operandNames(op);
    const label = this.where === '' ? op.name : `${this.where}.${op.name}`;
    if (inputs.length !== names.length) {
      throw new ShapeError(
        `${label}: expected ${names.length} inputs (${names.join(', ')}), got ${inputs.length}`,
      );
    }
    inputs.forEach((input, i) => {
      const expected = dtypeOf(op, names[i]);
      if (input.dtype !== expected) {
        throw new ShapeError(
          `${label}: expected ${expected} in ${names[i]}, got ${input.dtype} (${input.name})`,
        );
      }
    });
    const shapes = inputs.map((t) => t.shape);
    const updated = Object.keys(op.becomes ?? {}).map((name) => shapes[names.indexOf(name)]);
    const results = [...op.infer(shapes, attrs, this.where), ...updated];
    const outputs: Tensor[] = [];
    const node: Node = { op, where: this.where, inputs, outputs, attrs };
    resultNames(op).forEach((name, i) => {
      outputs.push({ name: `${label}.${name}`, shape: results[i], dtype: dtypeOf(op, name), node });
    });
    this.nodes.push(node);
    return node;
  }

  /** Lets the nodes of this graph give `others`, of the same shapes, in place of `tensors`, which are outputs of theirs. */
  rename(tensors: readonly Tensor[], others: readonly Tensor[]): void {
    const names = new Map(tensors.map((tensor, i) => [tensor, others[i]]));
    const named = (tensor: Tensor) => names.get(tensor) ?? tensor;
    for (const [tensor, other] of names) {
      const fits =
        tensor.node && this.nodes.includes(tensor.node) && String(tensor.shape) === String(other.shape);
      if (!fits) throw new Error(`graph: ${tensor.name} cannot take the place of ${other.name}`);
      other.node = tensor.node;
    }
    for (const node of this.nodes) {
      node.inputs = node.inputs.map(named);
      node.outputs = node.outputs.map(named);
    }
  }
}

/** `layer0.rmsnorm`: the node's place and op, as labels and errors name it. */
export function nodeLabel(node: Node): string {
  return node.where === '' ? node.op.name : `${node.where}.${node.op.name}`;
}
