// The model: a function from a token, its position and what came before to a score for every
// token that could come next. It is GPT-2 with three simplifications: RMSNorm in place of layer
// normalization, no biases, ReLU in place of GELU. Settings restore each of
// them, and can tie lm_head to wte. As in microgpt.py it sees one token at a time.

import type { ModelConfig } from '../config/config.ts';
import { parameterSpecs } from '../model/parameters.ts';
import { Value } from './value.ts';

/** One Value per channel. */
export type Vector = Value[];
/** Rows of weights, [out, in]. */
export type Matrix = Vector[];
/** Keys or values of the tokens so far: [layer][position][channel]. The KV cache. */
export type Cache = Vector[][];

/** The parameters of a model: by name, and as one list in microgpt.py's order. */
export interface Parameters {
  readonly stateDict: ReadonlyMap<string, Matrix>;
  readonly params: readonly Value[];
}

/** Makes the parameters of `config` out of `values`, which are flat and in microgpt.py's order. */
export function createParameters(config: ModelConfig, values: ArrayLike<number>): Parameters {
  const params = Array.from(values, (value) => new Value(value));
  const stateDict = new Map<string, Matrix>();
  for (const { name, shape, offset } of parameterSpecs(config)) {
    const [rows, columns] = shape.length === 1 ? [1, shape[0]] : shape; // a vector is one row
    const row = (r: number) => params.slice(offset + r * columns, offset + (r + 1) * columns);
    stateDict.set(
      name,
      Array.from({ length: rows }, (_, r) => row(r)),
    );
  }
  return { stateDict, params };
}

/** An empty cache: what a new document starts with. */
export function createCache(config: ModelConfig): Cache {
  return Array.from({ length: config.nLayer }, () => []);
}

/** a[0] + a[1] + …, from left to right. */
export function sum(a: Vector): Value {
  let total = a[0];
  for (let i = 1; i < a.length; i++) total = total.add(a[i]);
  return total;
}

/** a[0] b[0] + a[1] b[1] + …: how far two vectors point the same way. */
function dot(a: Vector, b: Vector): Value {
  let total = a[0].mul(b[0]);
  for (let i = 1; i < a.length; i++) total = total.add(a[i].mul(b[i]));
  return total;
}

/** Every output is a weighted sum of all inputs: w x. */
function linear(x: Vector, w: Matrix): Vector {
  return w.map((wo) => dot(wo, x));
}

/** GPT-2's activation, which follows ReLU smoothly: x times the share of a normal distribution below x, by tanh. */
function gelu(x: Value): Value {
  const u = x.add(x.pow(3).mul(0.044715)).mul((2 / Math.PI) ** 0.5);
  return x.mul(0.5).mul(u.tanh().add(1));
}

/** a + b, channel by channel. */
function addVectors(a: Vector, b: Vector): Vector {
  return a.map((ai, i) => ai.add(b[i]));
}

/**
 * Turns scores into probabilities: positive, and 1 together. Taking the largest score off first
 * changes nothing in the result and keeps exp from overflowing.
 */
export function softmax(logits: Vector): Vector {
  let max = -Infinity;
  for (const logit of logits) max = Math.max(max, logit.data);
  const exps = logits.map((logit) => logit.sub(max).exp());
  const total = sum(exps);
  return exps.map((e) => e.div(total));
}

/** Scales x to a root mean square of 1, so that signals neither swell nor fade from layer to layer. */
function rmsnorm(x: Vector): Vector {
  const ms = dot(x, x).div(x.length);
  const scale = ms.add(1e-5).pow(-0.5);
  return x.map((xi) => xi.mul(scale));
}

/** Subtracts the mean, scales to a variance of 1, then applies a learned weight and bias to each channel. */
function layernorm(x: Vector, weight: Vector, bias: Vector): Vector {
  const mean = sum(x).div(x.length);
  const centered = x.map((xi) => xi.sub(mean));
  const variance = dot(centered, centered).div(x.length);
  const scale = variance.add(1e-5).pow(-0.5);
  return centered.map((xi, i) => xi.mul(scale).mul(weight[i]).add(bias[i]));
}

/**
 * Feeds one token and gives the logits (V) of the token after it.
 *
 * @param keys the keys of the tokens before, to which this token's are added
 * @param values likewise the values
 */
export function gpt(
  config: ModelConfig,
  parameters: Parameters,
  tokenId: number,
  posId: number,
  keys: Cache,
  values: Cache,
): Vector {
  const { nLayer, nEmbd, nHead, activation, bias, tie } = config;
  const headDim = nEmbd / nHead;
  const layerNorms = config.norm === 'layernorm';
  const weights = (name: string): Matrix => parameters.stateDict.get(name)!;
  const norm = (x: Vector, name: string): Vector =>
    layerNorms ? layernorm(x, weights(`${name}.weight`)[0], weights(`${name}.bias`)[0]) : rmsnorm(x);
  const project = (x: Vector, name: string): Vector => {
    const out = linear(x, weights(name));
    return bias ? addVectors(out, weights(`${name}.bias`)[0]) : out;
  };

  // What the token is plus where it stands. This first rmsnorm is not made redundant by the next
  // one: the residual connection carries its output past the first block. GPT-2 has none here.
  let x = addVectors(weights('wte')[tokenId], weights('wpe')[posId]); // (C)
  if (!layerNorms) x = rmsnorm(x);

  for (let li = 0; li < nLayer; li++) {
    // 1) Attention: the token looks at itself and at those before it. Its query is compared with
    // the key of each, and the values of those that match best are taken over most. Every head
    // does so on its own D = C / H channels, so each can look for something else.
    let residual = x;
    x = norm(x, `layer${li}.attn_norm`);
    const q = project(x, `layer${li}.attn_wq`);
    keys[li].push(project(x, `layer${li}.attn_wk`));
    values[li].push(project(x, `layer${li}.attn_wv`));
    const attention: Vector = [];
    for (let h = 0; h < nHead; h++) {
      const head = (vector: Vector) => vector.slice(h * headDim, (h + 1) * headDim);
      const qh = head(q); // (D)
      const kh = keys[li].map(head); // (t, D), t tokens so far
      const vh = values[li].map(head);
      // Dot products grow with D; the division keeps the softmax from settling on one token early.
      const attnLogits = kh.map((kt) => dot(qh, kt).div(headDim ** 0.5)); // (t)
      const attnWeights = softmax(attnLogits);
      for (let j = 0; j < headDim; j++) {
        const column = vh.map((vt) => vt[j]);
        attention.push(dot(attnWeights, column));
      }
    }
    x = project(attention, `layer${li}.attn_wo`); // (C)
    // The block adds to what came in and does not replace it, which gives gradients a short way
    // back through any number of layers.
    x = addVectors(x, residual);

    // 2) MLP: each token thinks on its own about what it has gathered, four times as wide.
    residual = x;
    x = norm(x, `layer${li}.mlp_norm`);
    x = project(x, `layer${li}.mlp_fc1`); // (4C)
    x = x.map((xi) => (activation === 'gelu' ? gelu(xi) : xi.relu()));
    x = project(x, `layer${li}.mlp_fc2`); // (C)
    x = addVectors(x, residual);
  }

  if (layerNorms) x = norm(x, 'final_norm');
  return linear(x, weights(tie ? 'wte' : 'lm_head')); // (V)
}
