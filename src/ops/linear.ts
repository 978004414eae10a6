// linear: out[r, o] = Σᵢ x[r, i] · w[o, i], microgpt.py's `linear`, and its two derivatives. On the GPU all
// three are one matrix product c = a·b; strides say how a and b lie in memory.

import productLib from '../../shaders/lib/product.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/linear.wgsl?raw';
import type { Kernel, Launch, Op, Shape } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import type { PythonRandom } from '../util/python-random.ts';
import { exampleStep, matchShapes, randomInteger, randomNormal } from './support.ts';

/** c (M, N) = a (M, K) · b (K, N) with a(m, k) = a[m·aM + k·aK] and b(k, n) = b[k·bK + n·bN]. */
interface Product {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly aM: number;
  readonly aK: number;
  readonly bK: number;
  readonly bN: number;
  /** Which dimension is the rows, of which a step uses only some. */
  readonly rows: 'M' | 'K';
}

/** Small products take small tiles: more workgroups, and less of a tile is wasted at the edges. */
export function tileOf({ M, N }: { readonly M: number; readonly N: number }): number {
  return Math.min(M, N) >= 256 ? 64 : 32;
}

/** Tiles for a product of M rows and N columns, for kernels around shaders/lib/product.wgsl. */
export function launchTiles(M: number, N: number, constants: Launch['constants']): Launch {
  const tile = tileOf({ M, N });
  return {
    constants: { ...constants, BM: tile, BN: tile },
    workgroups: [Math.ceil(N / tile), Math.ceil(M / tile), 1],
  };
}

function launchProduct(product: Product): Launch {
  const { M, N, K, rows } = product;
  return launchTiles(M, N, {
    M: rows === 'M' ? 0 : M,
    N,
    K: rows === 'K' ? 0 : K,
    A_M: product.aM,
    A_K: product.aK,
    B_K: product.bK,
    B_N: product.bN,
  });
}

function kernel(entry: string, productOf: (shapes: readonly Shape[]) => Product): Kernel {
  return {
    source: stepLib + productLib + shader,
    entry,
    bindings: ['a', 'b', 'c'],
    launch: (shapes) => launchProduct(productOf(shapes)),
  };
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
    return [graph.apply(linearGradX, [dout!, w])[0], graph.apply(linearGradW, [dout!, x])[0]];
  },

  kernel: kernel('linear', ([x, w]) => {
    const [R, I] = x as [number, number];
    return { M: R, N: w[0], K: I, aM: I, aK: 1, bK: 1, bN: I, rows: 'M' };
  }),

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
    return { M: dout[0], N: I, K: O, aM: O, aK: 1, bK: I, bN: 1, rows: 'M' };
  }),

  flops: ([dout, w]) => 2 * dout[0] * w[0] * w[1],

  example(random) {
    const { R, I, O } = randomDims(random);
    return exampleOf(random, [[R, O], [O, I]], R); // prettier-ignore
  },
};

/** dw[o, i] = Σᵣ dout[r, o] · x[r, i]. */
export const linearGradW: Op = {
  name: 'linear_grad_w',
  inputs: ['dout', 'x'],
  outputs: ['dw'],

  infer(shapes, _attrs, where) {
    const { O, I } = matchShapes('linear_grad_w', where, shapes, { dout: ['R', 'O'], x: ['R', 'I'] });
    return [[O, I]];
  },

  cpu({ inputs, outputs, shapes, step }) {
    const [dout, x] = inputs as [FloatArray, FloatArray];
    const dw = outputs[0] as FloatArray;
    const O = shapes[0][1];
    const I = shapes[1][1];
    dw.fill(0);
    for (let r = 0; r < step.rows; r++) {
      for (let o = 0; o < O; o++) {
        const d = dout[r * O + o];
        for (let i = 0; i < I; i++) dw[o * I + i] += d * x[r * I + i]; // (O, I)
      }
    }
  },

  kernel: kernel('linear_grad_w', ([dout, x]) => {
    const [R, O] = dout as [number, number];
    const I = x[1];
    return { M: O, N: I, K: R, aM: 1, aK: O, bK: I, bN: 1, rows: 'K' };
  }),

  flops: ([dout, x]) => 2 * dout[0] * dout[1] * x[1],

  example(random) {
    const { R, I, O } = randomDims(random);
    return exampleOf(random, [[R, O], [R, I]], R); // prettier-ignore
  },
};

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
