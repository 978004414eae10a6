// What the resident kernel (shaders/resident/) needs to know about a model: where its values lie, how many there
// are, whether they fit into workgroup memory, and whether one workgroup should train it at all.

import { RING_LENGTH } from '../model/plans.ts';
import type { ModelConfig, TrainingConfig } from '../config/config.ts';
import { countParameters, parameterLayout } from '../model/parameters.ts';
import type { ParameterLayout } from '../model/parameters.ts';

/** Invocations that share a row of logits; LANES in shaders/resident/forward.wgsl. */
export const LANES = 8;

/** Partial sums of the squares of a gradient; SQUARE_LANES in shaders/resident/spend_clipped.wgsl. */
const SQUARE_LANES = 64;

/**
 * The most floating-point operations of a step. One workgroup has one compute unit, some 0.1 to 0.3 TFLOP/s: beyond
 * this a step takes it longer than the launches that it saves, and on the slowest devices long enough to matter to
 * the watchdog.
 */
const MAX_FLOPS = 2 ** 26;

/** How many channels the kernel reads and writes at a time: heads are whole packs (shaders/resident/pack*.wgsl). */
export type PackSize = 4 | 2 | 1;

export function packSize({ nEmbd: C, nHead: H }: ModelConfig): PackSize {
  const D = C / H;
  return D % 4 === 0 ? 4 : D % 2 === 0 ? 2 : 1;
}

/** Milliseconds that a dispatch should take: as many steps as fit into them share it. */
export const DISPATCH_MS = 100;

/** Where something of a step lies among the values of a model, by its name in the shader, and how many values there are. */
export interface ValueLayout {
  /** In packs for the residual stream and all that has rows of channels, also what is kept of a layer; else in elements. */
  readonly constants: Readonly<Record<string, number>>;
  /** In elements. */
  readonly length: number;
}

/** Space of the step at hand that is shared where lifetimes do not overlap; see shaders/resident/main.wgsl. */
export function valueLayout(model: ModelConfig, training: TrainingConfig): ValueLayout {
  const { nLayer: L, nEmbd: C, nHead: H, blockSize: T, vocabSize: V } = model;
  const R = training.batchSize * T;
  const P = packSize(model);
  const constants: Record<string, number> = {};
  let length = 0;
  /** Puts `parts` one after another from `start` on, each at a whole pack; noted in units of `unit` elements. */
  const place = (start: number, parts: Readonly<Record<string, number>>, unit = 1): number => {
    for (const [name, size] of Object.entries(parts)) {
      constants[name] = start / unit;
      start += Math.ceil(size / P) * P;
    }
    return start;
  };
  const rows = { TOKEN: R, TARGET: R, POSITION: R, FIRST: R, END: R, SHARE: R, NLL: R, SCALE0: R };
  const streams = { X: R * C, X0: R * C, DX: R * C, DN: R * C };
  length = place(place(0, { ...rows, SURVEY: 2 * R * LANES }), streams, P);
  // The gradients of logits are used up before those of q, k and v exist, and those of the hidden units before the
  // pairs of the backward pass.
  length = Math.max(
    place(length, { LOGITS: R * V }),
    place(length, { DQ: R * C, DK: R * C, DVALUE: R * C }, P),
  );
  const pairs = R * H * T;
  length = Math.max(place(length, { DHIDDEN: 4 * R * C }, P), place(length, { PAIRS: pairs, DPAIRS: pairs }));
  if (training.clip > 0) length = place(length, { SQUARES: SQUARE_LANES });
  // prettier-ignore
  const kept = place(0, {
    NORM1: R * C, SCALE1: R, Q: R * C, K: R * C, VALUE: R * C, MIXED: R * C, LSE: R * H,
    NORM2: R * C, SCALE2: R, HIDDEN: 4 * R * C,
  }, P);
  constants.KEPT = length / P;
  constants.KEPT_LAYER = kept / P;
  return { constants, length: length + L * kept };
}

/** Which of weights and values have their place in workgroup memory. */
export interface ResidentMemory {
  readonly weights: 'workgroup' | 'storage';
  readonly values: 'workgroup' | 'storage';
}

/** Workgroup memory that weights take, in elements: rows are skewed over the banks, by a pack after every 32 elements. */
function skewed({ length }: ParameterLayout, pack: PackSize): number {
  return length + pack * Math.ceil(length / 32);
}

/** Bytes that a compiler may put between two arrays of workgroup memory, and what it may need of its own. */
const PADDING = 64;

/** All in workgroup memory if it fits, else the values, which are written too, else the weights, else nothing. */
export function chooseMemory(model: ModelConfig, values: number, bytes: number): ResidentMemory {
  const fits = (elements: number) => 4 * elements + PADDING <= bytes;
  const weights = skewed(parameterLayout(model), packSize(model));
  if (fits(weights + values)) return { weights: 'workgroup', values: 'workgroup' };
  if (fits(values)) return { weights: 'storage', values: 'workgroup' };
  if (fits(weights)) return { weights: 'workgroup', values: 'storage' };
  return { weights: 'storage', values: 'storage' };
}

/** Bytes of workgroup memory that a workgroup takes. */
export function workgroupBytes(model: ModelConfig, values: number, memory: ResidentMemory): number {
  const inWorkgroup = (place: string, elements: number) => (place === 'workgroup' ? 4 * elements : 0);
  const weights = skewed(parameterLayout(model), packSize(model));
  return inWorkgroup(memory.weights, weights) + inWorkgroup(memory.values, values);
}

/** Whether a barrier for each kind of memory ends a step. */
function liesApart({ weights, values }: ResidentMemory): boolean {
  return weights !== values;
}

/**
 * Barriers that a step passes: one at the end of each phase of shaders/resident/main.wgsl, and 3 in spend_clipped.wgsl. All in
 * one kind of memory unless told.
 */
export function barriersPerStep(
  { nLayer: L }: ModelConfig,
  { clip }: TrainingConfig,
  memory: ResidentMemory = { weights: 'workgroup', values: 'workgroup' },
): number {
  const forward = 2 + 6 * L + 3; // batch and embedding, the layers, the logits and their gradients
  const backward = 1 + 8 * L + 2; // lm_head, the layers, the embeddings
  return forward + backward + (clip === 0 ? 0 : 3) + (liesApart(memory) ? 1 : 0);
}

/**
 * Floating-point operations of a step, roughly: 2 for each parameter and token forth, 4 back, and as many for the channels that
 * attention multiplies, which are the most where many narrow layers have a long context.
 */
export function residentFlops(model: ModelConfig, { batchSize }: TrainingConfig): number {
  const { nLayer: L, nEmbd: C, blockSize: T } = model;
  return 6 * T * batchSize * (countParameters(model) + L * C * (T + 1));
}

/** Why one workgroup should not train this model, or undefined where it can. */
export function whyNotResident(model: ModelConfig, training: TrainingConfig): string | undefined {
  const flops = residentFlops(model, training);
  if (flops <= MAX_FLOPS) return undefined;
  const mega = (n: number) => `${(n / 1e6).toFixed(0)} MFLOP`;
  return `a step of ${mega(flops)} is too much for one workgroup, which may have ${mega(MAX_FLOPS)}`;
}

/** The shader's constants, places of parameters in packs, for `models` models of one shape. */
export function residentConstants(
  model: ModelConfig,
  training: TrainingConfig,
  corpus: { readonly documents: number; readonly tokens: number; readonly orderLength: number },
  memory: ResidentMemory,
): Record<string, number> {
  const layout = parameterLayout(model);
  const values = valueLayout(model, training);
  const offsets = new Map(layout.specs.map(({ name }, i) => [name, layout.offsets[i]]));
  const { nLayer, nEmbd: C, nHead: H, blockSize: T, vocabSize: V } = model;
  const P = packSize(model);
  const inPacks = (name: string) => offsets.get(name)! / P;
  const inLayer0 = (name: string) => inPacks(`layer0.${name}`);
  // prettier-ignore
  return {
    L: nLayer, C, H, T, V, B: training.batchSize, SCALE: 1 / Math.sqrt(C / H),
    RING: RING_LENGTH, LENGTH: layout.length,
    DOCUMENTS: corpus.documents, ORDERS: corpus.documents + 1 + corpus.tokens, ORDER_LENGTH: corpus.orderLength,
    ...values.constants, VALUES: values.length, APART: liesApart(memory) ? 1 : 0,
    WPE: inPacks('wpe'), LM_HEAD: inPacks('lm_head'),
    WQ: inLayer0('attn_wq'), WK: inLayer0('attn_wk'), WO: inLayer0('attn_wo'),
    FC1: inLayer0('mlp_fc1'), FC2: inLayer0('mlp_fc2'),
    LAYER: (offsets.get('layer1.attn_wq') ?? layout.length) / P - inLayer0('attn_wq'),
    ...(memory.weights === 'workgroup' ? { WEIGHTS: skewed(layout, P) } : {}),
    ...(training.clip > 0 ? { CLIP: training.clip, SQUARE_LANES } : {}),
  };
}
