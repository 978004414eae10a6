// How a phase of `resident` reads and writes: WGSL for operands in each kind of place. Channels are handled P at a time, a pack,
// and places are counted in packs; so a place fits both an element and a pack of what begins there.
//
// Values are arrays of P numbers and no vectors, because different invocations write neighbours: who writes a component of a vector
// may write all of it, says WGSL. Weights have one writer a pack.

import type { Operand } from '../../graph/body.ts';

/** Where an operand lies: `values` are activations and their gradients, `none` is what no body accesses. */
export type Space = 'values' | 'weights' | 'gradients' | 'm' | 'v' | 'corpus' | 'ring' | 'none';

export type PackSize = 4 | 2 | 1;

/** Which of weights and values have their place in workgroup memory. */
export interface ResidentMemory {
  readonly weights: Memory;
  readonly values: Memory;
}
export type Memory = 'workgroup' | 'storage';

/** The accessors that there are of an operand that begins at pack `base`; `given` is the pack of it that is at hand. */
export function accessTo(
  space: Space,
  base: string,
  P: PackSize,
  integers: boolean,
  given?: string,
): Partial<Operand> {
  const state = (name: string, at: string) => `${name}[first_state() + ${base} + ${at}]`;
  const moment = (name: string) => ({
    pack: (at: string) => state(name, at),
    putPack: (at: string, x: string) => `${state(name, at)} = ${x};`,
  });
  const spaces: Readonly<Record<Space, Partial<Operand>>> = {
    values: {
      element: (at) => `value(${base}, ${at})`,
      pack: (at) => `channels(${base} + ${at})`,
      integer: (at) => `u32(value(${base}, ${at}))`, // as exact f32
      put: (at, x) => `set_value(${base}, ${at}, ${integers ? `f32(${x})` : x});`,
      putPack: (at, x) => `set_channels(${base} + ${at}, ${x});`,
    },
    weights: {
      element: (at) =>
        P === 1 ? `weight(${base} + ${at})` : `weight(${base} + (${at}) / ${P})[(${at}) % ${P}]`,
      pack: (at) => `weight(${base} + ${at})`,
      putPack: (at, x) => `set_weight(${base} + ${at}, ${x});`,
    },
    gradients: {
      pack: (at) => given ?? state('gradients', at),
      putPack: (at, x) => `spend(${base} + ${at}, ${x});`,
    },
    m: moment('m'),
    v: moment('v'),
    corpus: { integer: (at) => `corpus[${at}]` },
    ring: { put: (at, x) => `put_loss(${at}, ${x});` },
    none: {},
  };
  return spaces[space];
}

/** Of 33 elements, or 36 in packs of 4, those of the last pack are left free, so that the rows of a matrix start in different banks. */
const BANKS = 32;

/** Packs that so many packs of weights take in workgroup memory. */
export function skewedPacks(packs: number, P: PackSize): number {
  return packs + Math.ceil(packs / (BANKS / P));
}

/** Declares values and weights, of so many packs a model, and the functions that `accessTo` calls. */
export function accessSource(
  { weights, values }: ResidentMemory,
  P: PackSize,
  valuePacks: number,
  weightPacks: number,
): string {
  const lanes = Array.from({ length: P }, (_, k) => k);
  const component = (x: string, k: number) => (P === 1 ? x : `${x}[${k}]`);
  const dot = lanes.reduce((sum, k) => `fma(${component('a', k)}, ${component('b', k)}, ${sum})`, 'sum');
  const first = values === 'workgroup' ? '' : `model * ${valuePacks} + `;
  const valueArray = `values: array<array<f32, ${P}>`;
  const [index, skewed] = [`i + i / ${BANKS / P}`, skewedPacks(weightPacks, P)];
  return `
alias Pack = ${P === 1 ? 'f32' : `vec${P}f`};

// sum + a . b, one product after the other.
fn add_dot(sum: f32, a: Pack, b: Pack) -> f32 { return ${dot}; }

${values === 'workgroup' ? `var<workgroup> ${valueArray}, ${valuePacks}>;` : `@group(0) @binding(8) var<storage, read_write> ${valueArray}>;`}
fn value(at: u32, i: u32) -> f32 { return values[${first}at + i / ${P}][i % ${P}]; }
fn set_value(at: u32, i: u32, x: f32) { values[${first}at + i / ${P}][i % ${P}] = x; }
fn channels(i: u32) -> Pack {
  let pack = values[${first}i];
  return Pack(${lanes.map((k) => `pack[${k}]`).join(', ')});
}
fn set_channels(i: u32, x: Pack) {
  let at = ${first}i;
  ${lanes.map((k) => `values[at][${k}] = ${component('x', k)};`).join(' ')}
}

fn first_state() -> u32 { return model * ${weightPacks}; }
${
  weights === 'storage'
    ? `
fn weight(i: u32) -> Pack { return parameters[first_state() + i]; }
fn set_weight(i: u32, x: Pack) { parameters[first_state() + i] = x; }
fn fetch_weights() {}
fn keep_weights() {}`
    : `
// From the beginning of a dispatch to its end.
var<workgroup> weights: array<Pack, ${skewed}>;
fn weight(i: u32) -> Pack { return weights[${index}]; }
fn set_weight(i: u32, x: Pack) { weights[${index}] = x; }
fn fetch_weights() {
  for (var i = worker; i < ${weightPacks}; i += WORKERS) { set_weight(i, parameters[first_state() + i]); }
}
fn keep_weights() {
  for (var i = worker; i < ${weightPacks}; i += WORKERS) { parameters[first_state() + i] = weight(i); }
}`
}
`;
}
