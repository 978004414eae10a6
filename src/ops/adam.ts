// adam: the update of all parameters at once (Kingma and Ba 2015), as microgpt.py has it, and the step counter.
//
//   m ← β1·m + (1−β1)·g        v ← β2·v + (1−β2)·g²
//   parameter ← parameter − lr · (m / correction1) / (√(v / correction2) + ε)
//
// adam_clipped shortens the gradient first: g ← g · min(1, clip / ‖g‖), with ‖g‖² = Σ parts, of sum_squares.

import adamQuadLib from '../../shaders/lib/adam_quad.wgsl?raw';
import clipLib from '../../shaders/lib/clip.wgsl?raw';
import gridLib from '../../shaders/lib/grid.wgsl?raw';
import reduceLib from '../../shaders/lib/reduce.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import updateLib from '../../shaders/lib/update.wgsl?raw';
import shader from '../../shaders/adam.wgsl?raw';
import clippedShader from '../../shaders/adam_clipped.wgsl?raw';
import type { Operands, Phase } from '../graph/body.ts';
import type { Attrs, Op, OpCase, Shape, StepScalars } from '../graph/op.ts';
import { ShapeError } from '../util/errors.ts';
import type { FloatArray, TensorArray } from '../util/arrays.ts';
import type { PythonRandom } from '../util/python-random.ts';
import { elementGrid, exampleStep, float, matchShapes, randomInteger, randomNormal } from './support.ts';

export type AdamAttrs = { readonly beta1: number; readonly beta2: number; readonly eps: number };
export type ClippedAdamAttrs = AdamAttrs & { readonly clip: number };

const UPDATES = ['parameters', 'm', 'v', 'counter'] as const;
const PATTERNS = { parameters: ['N'], m: ['N'], v: ['N'], counter: [1] } as const;

function checkQuads(op: string, where: string, N: number): void {
  if (N % 4 !== 0) throw new ShapeError(`${op} at ${where}: expected grads [a multiple of 4], got [${N}]`);
}

/** Moves parameters and their moments m and v along `grads`, which are multiplied by `scale`. */
export function moveByAdam(
  grads: FloatArray,
  [parameters, m, v]: readonly FloatArray[],
  { beta1, beta2, eps }: AdamAttrs,
  { learningRate, correction1, correction2 }: Omit<StepScalars, 'index' | 'rows'>,
  scale = 1,
): void {
  for (let i = 0; i < grads.length; i++) {
    const g = scale * grads[i];
    m[i] = beta1 * m[i] + (1 - beta1) * g;
    v[i] = beta2 * v[i] + (1 - beta2) * g * g;
    parameters[i] -= (learningRate * (m[i] / correction1)) / (Math.sqrt(v[i] / correction2) + eps);
  }
}

/** The op: `updates` are parameters, m, v and the counter of steps. */
function update(
  grads: FloatArray,
  scale: number,
  updates: readonly TensorArray[],
  attrs: Attrs,
  step: StepScalars,
): void {
  moveByAdam(grads, updates as FloatArray[], attrs as AdamAttrs, step, scale);
  updates[3][0] = step.index + 1;
}

/**
 * ε as engines with f32 take it: what f32 rounds to 0 would make 0 / 0 of a parameter without a gradient, and it has no number
 * above 3e38.
 */
export function epsilonInF32(eps: number): number {
  return Math.min(1e30, Math.max(1e-30, eps));
}

function constantsOf([N]: Shape, attrs: Attrs): Record<string, number> {
  const { beta1, beta2, eps } = attrs as AdamAttrs;
  return {
    QUADS: N / 4,
    BETA1: beta1,
    ONE_MINUS_BETA1: 1 - beta1,
    BETA2: beta2,
    ONE_MINUS_BETA2: 1 - beta2,
    EPS: epsilonInF32(eps),
  };
}

/** N parameters with their gradients and moments, somewhere in a run. */
function exampleOf(random: PythonRandom): Pick<OpCase, 'shapes' | 'inputs'> {
  const N = 4 * randomInteger(random, 1, 500);
  const [grads, parameters, m] = [0, 1, 2].map(() => randomNormal(random, N));
  const v = randomNormal(random, N).map((x) => x * x);
  return { shapes: [[N], [N], [N], [N], [1]], inputs: [grads, parameters, m, v, new Uint32Array([3])] };
}

/** Adam's 14 operations a parameter, in multiply-adds. */
const MULTIPLY_ADDS = 7;

function updatePhase(
  N: number,
  P: number,
  gradient: (at: Operands) => string,
  before: (at: Operands) => string = () => '',
): Phase {
  return {
    times: N / P,
    multiplyAdds: MULTIPLY_ADDS * P,
    packwise: true,
    code: (at) => `${before(at)}
      let old = Updated(${at.parameters.pack('i')}, ${at.m.pack('i')}, ${at.v.pack('i')});
      let updated = adam_update(old, ${gradient(at)}, moments, rate);
      ${at.parameters.putPack('i', 'updated.parameter')}
      ${at.m.putPack('i', 'updated.m')}
      ${at.v.putPack('i', 'updated.v')}`,
  };
}

export const adam: Op = {
  name: 'adam',
  inputs: ['grads'],
  updates: UPDATES,
  outputs: [],
  integers: ['counter'],

  infer(shapes, _attrs, where) {
    const { N } = matchShapes('adam', where, shapes, { grads: ['N'], ...PATTERNS });
    checkQuads('adam', where, N);
    return [];
  },

  cpu({ inputs: [grads, ...updates], attrs, step }) {
    update(grads as FloatArray, 1, updates, attrs, step);
  },

  kernel: {
    source: stepLib + gridLib + updateLib + adamQuadLib + shader,
    entry: 'adam',
    launch: ([grads], attrs) => ({
      constants: constantsOf(grads, attrs),
      workgroups: elementGrid(grads[0] / 4),
    }),
  },

  body: ([[N]], _attrs, P) => ({ packed: [N], phases: [updatePhase(N, P, (at) => at.grads.pack('i'))] }),

  flops: ([grads]) => 14 * grads[0],

  example: (random) => ({
    ...exampleOf(random),
    attrs: { beta1: 0.85, beta2: 0.99, eps: 1e-8 },
    step: exampleStep(1),
  }),
};

export const adamClipped: Op = {
  name: 'adam_clipped',
  inputs: ['grads', 'parts'],
  updates: UPDATES,
  outputs: [],
  integers: ['counter'],

  infer(shapes, _attrs, where) {
    const { N } = matchShapes('adam_clipped', where, shapes, { grads: ['N'], parts: ['P'], ...PATTERNS });
    checkQuads('adam_clipped', where, N);
    return [];
  },

  cpu({ inputs: [grads, parts, ...updates], attrs, step }) {
    const { clip } = attrs as ClippedAdamAttrs;
    let squares = 0;
    for (let p = 0; p < parts.length; p++) squares += parts[p];
    const norm = Math.sqrt(squares);
    // What is not finite becomes NaN as a whole: clip / ∞ would hide it as 0.
    const shortened = Number.isFinite(norm) ? clip / norm : NaN;
    update(grads as FloatArray, norm <= clip ? 1 : shortened, updates, attrs, step);
  },

  kernel: {
    source: stepLib + gridLib + reduceLib + clipLib + updateLib + adamQuadLib + clippedShader,
    entry: 'adam_clipped',
    launch: ([grads, parts], attrs) => ({
      // 256: of a workgroup of `elementGrid`.
      constants: {
        ...constantsOf(grads, attrs),
        PARTS: parts[0],
        CLIP: (attrs as ClippedAdamAttrs).clip,
        WORKERS: 256,
      },
      workgroups: elementGrid(grads[0] / 4),
    }),
  },

  body: ([[N], [parts]], attrs, P) => ({
    packed: [N],
    phases: [
      {
        ...updatePhase(
          N,
          P,
          (at) => `clip_scale(squares, ${float((attrs as ClippedAdamAttrs).clip)}) * ${at.grads.pack('i')}`,
          (at) => `
      var squares = 0.0;
      for (var n = 0u; n < ${parts}; n++) { squares += ${at.parts.element('n')}; }`,
        ),
        packwise: false,
      },
    ],
  }),

  flops: ([grads, parts]) => 15 * grads[0] + parts[0],

  example(random) {
    const { shapes, inputs } = exampleOf(random);
    const P = randomInteger(random, 1, 600);
    const parts = randomNormal(random, P).map((x) => x * x);
    // About half of them are longer than the clip.
    const clip = Math.sqrt(P) * (0.5 + random.random());
    return {
      shapes: [shapes[0], [P], ...shapes.slice(1)],
      attrs: { beta1: 0.85, beta2: 0.99, eps: 1e-8, clip },
      inputs: [inputs[0], parts, ...inputs.slice(1)],
      step: exampleStep(1),
    };
  },
};
