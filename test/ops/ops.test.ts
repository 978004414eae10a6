// Every op's CPU code and derivative, in f64: shapes, central differences, rows out of use.

import { describe, expect, test } from 'vitest';
import { Graph } from '../../src/graph/graph.ts';
import type { Tensor } from '../../src/graph/graph.ts';
import { operandNames, sizeOf } from '../../src/graph/op.ts';
import type { Op, OpCase } from '../../src/graph/op.ts';
import { runReference } from '../../src/graph/reference.ts';
import { OPS } from '../../src/ops/index.ts';
import type { FloatArray, TensorArray } from '../../src/util/arrays.ts';
import { ShapeError } from '../../src/util/errors.ts';
import { PythonRandom } from '../../src/util/python-random.ts';

const CASES = 8;

/** Outputs that have something else than rows in their first dimension. */
const NOT_ROWS = new Set([
  'batch.step',
  'embedding_grad.dtable',
  'embedding_grad_ordered.dtable',
  'token_order.ranges',
  'embedding_tables_grad.dwte',
  'embedding_tables_grad.dwpe',
  'linear_grad_w.dw',
  'sum_parts.out',
  'sum_squares.parts',
  'linear_grad.dw',
  'linear_relu_grad.dw',
  'qkv_grad_w.dwq',
  'qkv_grad_w.dwk',
  'qkv_grad_w.dwv',
  'bias_grad.db',
  'layernorm_grad_w.dweight',
  'layernorm_grad_w.dbias',
]);

describe.each(OPS.map((op) => [op.name, op] as const))('%s', (name, op) => {
  test('refuses shapes that do not fit, naming the op, the place and the operand', () => {
    const random = new PythonRandom(7);
    for (let i = 0; i < CASES; i++) {
      const { shapes, attrs } = op.example(random);
      for (const [n, operand] of operandNames(op).entries()) {
        const wrong = shapes.map((shape, j) => (j === n ? [...shape, 2] : shape));
        expect(() => op.infer(wrong, attrs, 'layer3')).toThrow(ShapeError);
        expect(() => op.infer(wrong, attrs, 'layer3')).toThrow(
          new RegExp(`^${name} at layer3: expected ${operand} .*got \\[${wrong[n].join(', ')}\\]`),
        );
      }
    }
  });

  test('gives outputs of the shapes it infers, and leaves rows out of use alone', () => {
    const random = new PythonRandom(8);
    for (let i = 0; i < CASES; i++) {
      const example = op.example(random);
      const { tensors, step } = runReference(op, example);
      const shapes = op.infer(example.shapes, example.attrs, '');
      op.outputs.forEach((output, n) => {
        const values = tensors.get(output)!;
        expect(values.length, output).toBe(sizeOf(shapes[n]));
        if (NOT_ROWS.has(`${name}.${output}`) || example.attrs.whole) return;
        const width = sizeOf(shapes[n]) / shapes[n][0];
        const beyond = values.subarray(step.rows * width);
        expect(
          beyond.every((x) => x === 0),
          output,
        ).toBe(true);
      });
    }
  });

  test('counts a positive number of operations', () => {
    const { shapes, attrs } = op.example(new PythonRandom(9));
    const flops = op.flops(shapes, attrs);
    if (name === 'batch' || name === 'token_order') expect(flops).toBe(0);
    else expect(flops).toBeGreaterThan(0);
  });
});

const withDerivative = OPS.filter((op) => op.vjp);
describe.each(withDerivative.map((op) => [op.name, op] as const))('the derivative of %s', (_name, op) => {
  test('agrees with central differences', () => {
    const random = new PythonRandom(10);
    for (let i = 0; i < CASES; i++) checkDerivative(op, op.example(random), random);
  });
});

/** L = Σ cotangent · first output (or what the op adds to its ring): its gradient both ways. */
function checkDerivative(op: Op, example: OpCase, random: PythonRandom): void {
  const graph = new Graph();
  const names = operandNames(op);
  const values = new Map<Tensor, TensorArray>();
  const source = (label: string, shape: readonly number[], data: TensorArray) => {
    const tensor = graph.source(label, shape, data instanceof Uint32Array ? 'u32' : 'f32');
    values.set(tensor, data);
    return tensor;
  };
  const inputs = example.inputs.map((data, i) => source(names[i], example.shapes[i], data.slice()));
  const outputs = graph.apply(op, inputs, example.attrs);
  const node = graph.nodes[0];
  let douts: (Tensor | null)[] = [];
  let cotangent: FloatArray = new Float64Array();
  if (outputs.length > 0) {
    const size = sizeOf(outputs[0].shape);
    cotangent = Float64Array.from({ length: size }, () => random.gauss(0, 1));
    const dout = source('dout', outputs[0].shape, cotangent);
    douts = outputs.map((_, i) => (i === 0 ? dout : null));
  }
  const gradients = op.vjp!(graph, node, douts);
  evaluate(graph, values, example);

  const lossOf = (data: readonly TensorArray[]): number => {
    const changed = { ...example, inputs: data as OpCase['inputs'] };
    const copies = changed.inputs.map((x) => x.slice());
    const results = outputs.map((t) => new Float64Array(sizeOf(t.shape)));
    op.cpu({
      inputs: copies,
      outputs: results,
      shapes: example.shapes,
      attrs: example.attrs,
      step: { ...example.step },
    });
    if (outputs.length === 0) return copies.at(-1)![example.step.index % copies.at(-1)!.length];
    return results[0].reduce((sum, y, i) => sum + y * cotangent[i], 0);
  };

  gradients.forEach((gradient, n) => {
    if (gradient === null) return;
    const analytic = values.get(gradient)!;
    const data = example.inputs[n];
    expect(analytic.length).toBe(data.length);
    for (let probe = 0; probe < 12; probe++) {
      const at = Math.floor(random.random() * data.length);
      const h = 1e-5;
      const shifted = (by: number) => {
        const moved = example.inputs.map((x) => x.slice());
        moved[n][at] += by;
        return lossOf(moved);
      };
      const numeric = (shifted(h) - shifted(-h)) / (2 * h);
      // h² of the third derivative and 1e-16 / h of rounding: both about 1e-10 of the loss's scale.
      const scale = 1 + Math.abs(numeric);
      // Rows out of use hold nothing; their inputs move nothing.
      if (numeric === 0 && Math.abs(analytic[at]) > 1e-7) {
        expect(beyondRows(example, n, at), `${names[n]}[${at}]`).toBe(true);
        continue;
      }
      expect(Math.abs(numeric - analytic[at]) / scale, `${names[n]}[${at}]`).toBeLessThan(1e-7);
    }
  });
}

/** True where element `at` of operand `n` belongs to a row that is not in use. */
function beyondRows({ shapes, step }: OpCase, n: number, at: number): boolean {
  return Math.floor(at / (sizeOf(shapes[n]) / shapes[n][0])) >= step.rows;
}

/** Computes every node of `graph` in order, in f64. */
function evaluate(graph: Graph, values: Map<Tensor, TensorArray>, { step }: OpCase): void {
  for (const node of graph.nodes) {
    const outputs = node.outputs.map((t) => {
      const size = sizeOf(t.shape);
      return t.dtype === 'u32' ? new Uint32Array(size) : new Float64Array(size);
    });
    const inputs = node.inputs.map((t) => values.get(t)!.slice());
    node.op.cpu({
      inputs,
      outputs: outputs.slice(0, node.op.outputs.length),
      shapes: node.inputs.map((t) => t.shape),
      attrs: node.attrs,
      step: { ...step },
    });
    const names = operandNames(node.op);
    const became = Object.keys(node.op.becomes ?? {}).map((name) => inputs[names.indexOf(name)]);
    const results = [...outputs.slice(0, node.op.outputs.length), ...became];
    node.outputs.forEach((t, i) => values.set(t, results[i]));
  }
}
