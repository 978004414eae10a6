// linear: out[r, o] = Σᵢ x[r, i] · w[o, i], microgpt.py's `linear`, and its two derivatives. On the GPU all
// three are one matrix product c = a·b; strides say how a and b lie in memory.

import partsLib from '../../shaders/lib/parts.wgsl?raw';
import shader from '../../shaders/linear.wgsl?raw';
import { exchange } from '../graph/fuse.ts';
import type { Rule } from '../graph/fuse.ts';
import type { Node } from '../graph/graph.ts';
import type { Attrs, CpuCall, Kernel, Op, Shape } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import type { PythonRandom } from '../util/python-random.ts';
import { partsFor, productKernel } from './product.ts';
import { sumParts } from './sum-parts.ts';
import { exampleStep, matchShapes, randomInteger, randomNormal } from './support.ts';
import { gradWPhase, gradXPhase, linearPhase } from './bodies.ts';

/** c (M, N) = a · b, where a and b are matrices with rows of widths A and B. */
interface Product {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly A: number;
  readonly B: number;
  /** Which dimension is the rows, of which a step uses only some. */
  readonly rows: 'M' | 'K';
}

function kernel(entry: string, productOf: (shapes: readonly Shape[]) => Product): Kernel {
  return productKernel({
    entry,
    source: partsLib + shader,
    bindings: ['a', 'b', 'out'],
    reads: { a: 'A', b: 'B' },
    writes: { out: 'N' },
    constants(shapes, attrs) {
      const { rows, ...product } = productOf(shapes);
      return { ...product, [rows]: 0, PARTS: partsOf(attrs) };
    },
    products(shapes, attrs) {
      const { M, N } = productOf(shapes);
      return [[M, N, partsOf(attrs)]];
    },
  });
}

/** `attrs.parts`: in how many parts a weight gradient is summed, 1 unless told. */
export function partsOf(attrs: Attrs): number {
  return attrs.parts ?? 1;
}

/** The shape of a weight gradient (O, I), or of its parts. */
export function partsShape(attrs: Attrs, O: number, I: number): Shape {
  const parts = partsOf(attrs);
  return parts === 1 ? [O, I] : [parts, O, I];
}

/** The rows of each part, as `part_of` of shaders/lib/parts.wgsl has them. */
export function partRows(rows: number, parts: number): [first: number, end: number][] {
  const length = Math.ceil(rows / (4 * parts)) * 4;
  return Array.from({ length: parts }, (_, i) => [
    Math.min(rows, i * length),
    Math.min(rows, (i + 1) * length),
  ]);
}

/** Sums the weight gradients that `op` gives in parts where that pays; `dims` tells how many rows they sum and how large they are. */
export function inParts(
  op: Op,
  dims: (shapes: readonly Shape[]) => { R: number; O: number; I: number },
): Rule {
  const partsOfNode = ({ inputs }: Node) => {
    const { R, O, I } = dims(inputs.map(({ shape }) => shape));
    return partsFor(O, I, R);
  };
  return exchange(
    op,
    (node) => node.attrs.parts === undefined && partsOfNode(node) > 1,
    (graph, node) =>
      graph.apply(op, node.inputs, { ...node.attrs, parts: partsOfNode(node) }).map((tensor) => {
        return tensor.shape.length === 3 ? graph.apply(sumParts, [tensor])[0] : tensor;
      }),
  );
}

export const linear: Op = {
  name: 'linear',
  inputs: ['x', 'w'],
  outputs: ['out'],

  infer(shapes, _attrs, where) {
    const { R, O } = matchShapes('linear', where, shapes, { x: ['R', 'I'], w: ['O', 'I'] });
    return [[R, O]];
  },

  cpu({ inputs, outputs, shapes, step }) {
    const [x, w] = inputs as [FloatArray, FloatArray];
    const out = outputs[0] as FloatArray;
    const [O, I] = shapes[1] as [number, number];
    for (let r = 0; r < step.rows; r++) {
      for (let o = 0; o < O; o++) {
        let sum = 0;
        for (let i = 0; i < I; i++) sum += x[r * I + i] * w[o * I + i];
        out[r * O + o] = sum; // (R, O)
      }
    }
  },

  // dx = dout · w and dw = doutᵀ · x.
  vjp(graph, node, [dout]) {
    const [x, w] = node.inputs;
    const [dx] = graph.apply(linearGradX, [dout!, w]);
    const [dw] = graph.apply(linearGradW, [dout!, x]);
    return [dx, dw];
  },

  kernel: kernel('linear', ([x, w]) => {
    const [R, I] = x as [number, number];
    return { M: R, N: w[0], K: I, A: I, B: I, rows: 'M' };
  }),

  body: ([, [O, I]], _attrs, P) => ({ packed: [I], phases: [linearPhase([O, I], P)] }),

  flops: ([x, w]) => 2 * x[0] * w[0] * w[1],

  example(random) {
    const { R, I, O } = randomDims(random);
    return exampleOf(random, [[R, I], [O, I]], R); // prettier-ignore
  },
};

/** dx[r, i] = Σₒ dout[r, o] · w[o, i]. */
export const linearGradX: Op = {
  name: 'linear_grad_x',
  inputs: ['dout', 'w'],
  outputs: ['dx'],

  infer(shapes, _attrs, where) {
    const { R, I } = matchShapes('linear_grad_x', where, shapes, { dout: ['R', 'O'], w: ['O', 'I'] });
    return [[R, I]];
  },

  cpu({ inputs, outputs, shapes, step }) {
    const [dout, w] = inputs as [FloatArray, FloatArray];
    const dx = outputs[0] as FloatArray;
    const [O, I] = shapes[1] as [number, number];
    dx.fill(0, 0, step.rows * I);
    for (let r = 0; r < step.rows; r++) {
      for (let o = 0; o < O; o++) {
        const d = dout[r * O + o];
        for (let i = 0; i < I; i++) dx[r * I + i] += d * w[o * I + i]; // (R, I)
      }
    }
  },

  kernel: kernel('linear_grad_x', ([dout, w]) => {
    const [O, I] = w as [number, number];
    return { M: dout[0], N: I, K: O, A: O, B: I, rows: 'M' };
  }),

  body: ([, [O, I]], _attrs, P) => ({ packed: [I], phases: [gradXPhase([O, I], P, (at) => at.dout)] }),

  flops: ([dout, w]) => 2 * dout[0] * w[0] * w[1],

  example(random) {
    const { R, I, O } = randomDims(random);
    return exampleOf(random, [[R, O], [O, I]], R); // prettier-ignore
  },
};

/** dw[o, i] = Σᵣ dout[r, o] · x[r, i]; with `attrs.parts` that many sums, (parts, O, I), each over its share of the rows. */
export const linearGradW: Op = {
  name: 'linear_grad_w',
  inputs: ['dout', 'x'],
  outputs: ['dw'],

  infer(shapes, attrs, where) {
    const { O, I } = matchShapes('linear_grad_w', where, shapes, { dout: ['R', 'O'], x: ['R', 'I'] });
    return [partsShape(attrs, O, I)];
  },

  cpu: (call) => weightGradient(call, call.inputs[0] as FloatArray, call.inputs[1] as FloatArray),

  kernel: kernel('linear_grad_w', ([dout, x]) => {
    const [R, O] = dout as [number, number];
    const I = x[1];
    return { M: O, N: I, K: R, A: O, B: I, rows: 'K' };
  }),

  body: ([[, O], [, I]], attrs, P) => ({
    packed: [I],
    phases: [gradWPhase(attrs, [O, I], P, (at) => at.dout)],
  }),

  flops: ([dout, x]) => 2 * dout[0] * dout[1] * x[1],

  example(random) {
    const { R, I, O } = randomDims(random);
    return { ...exampleOf(random, [[R, O], [R, I]], R), attrs: randomParts(random) }; // prettier-ignore
  },
};

export const linearGradWInParts = inParts(linearGradW, ([[R, O], [, I]]) => ({ R, O, I }));

function weightGradient({ outputs, shapes, attrs, step }: CpuCall, dout: FloatArray, x: FloatArray): void {
  const dw = outputs[0] as FloatArray;
  const O = shapes[0][1];
  const I = shapes[1][1];
  dw.fill(0);
  partRows(step.rows, partsOf(attrs)).forEach(([first, end], part) => {
    for (let r = first; r < end; r++) {
      for (let o = 0; o < O; o++) {
        const d = dout[r * O + o];
        const row = (part * O + o) * I;
        for (let i = 0; i < I; i++) dw[row + i] += d * x[r * I + i]; // (parts, O, I)
      }
    }
  });
}

/** Mostly one part, which is the default. */
export function randomParts(random: PythonRandom): Attrs {
  return randomInteger(random, 1, 3) === 1 ? { parts: randomInteger(random, 2, 5) } : {};
}

function randomDims(random: PythonRandom): { R: number; I: number; O: number } {
  const pick = () => randomInteger(random, 1, randomInteger(random, 1, 8) === 1 ? 300 : 70);
  return { R: pick(), I: pick(), O: pick() };
}

function exampleOf(random: PythonRandom, shapes: readonly [number, number][], R: number) {
  return {
    shapes,
    attrs: {},
    inputs: shapes.map(([a, b]) => randomNormal(random, a * b)),
    step: exampleStep(randomInteger(random, 1, R)),
  };
}
