// What happens inside the model for one document: the graph of the training step, its ops run one after the other in
// f64, with every tensor kept. For looking at, not for speed.
//
// Shapes: n rows (predicted tokens of the document), C channels, H heads, V vocabulary.

import type { Node, Tensor } from '../graph/graph.ts';
import { sizeOf } from '../graph/op.ts';
import type { FloatArray, TensorArray } from '../util/arrays.ts';
import { checkParameterCount, checkTokens } from '../util/engine-checks.ts';
import type { ModelConfig } from '../config/config.ts';
import { documentGraph } from './plans.ts';
import { countParameters, parameterSpecs } from './parameters.ts';

/** A place in the residual stream. */
export interface ResidualStage {
  /** `embedding`, `layer0.attention`, `layer0.mlp`, … */
  readonly name: string;
  /** x after it (n, C). */
  readonly x: Float64Array;
  /** √(mean x²) of each row (n). */
  readonly rms: Float64Array;
}

export interface LayerInside {
  /** What each row looks for, is found by, and hands over: microgpt.py's q, k and v (n, C). */
  readonly queries: Float64Array;
  readonly keys: Float64Array;
  readonly values: Float64Array;
  /** What each row looks at (H, n, n): attention[h][r][t] is 0 for t > r, and each row sums to 1. */
  readonly attention: Float64Array;
  /** Hidden units of the MLP after the activation (n, 4C). */
  readonly hidden: Float64Array;
}

export interface Inside {
  /** n. */
  readonly rows: number;
  /** (n, V). */
  readonly logits: Float64Array;
  /** softmax of the logits (n, V). */
  readonly probabilities: Float64Array;
  /** Surprise at the token that comes next, in nats (n). The last one is NaN where nothing comes after it. */
  readonly losses: Float64Array;
  readonly residual: readonly ResidualStage[];
  readonly layers: readonly LayerInside[];
}

/**
 * Runs the model of `config` with `parameters` (flat, microgpt.py's order) over `tokens` (at most block_size) and tells
 * what happens inside. `next` is the token after the last one, where there is one.
 *
 * Throws ConfigError where the tokens or the parameters do not fit the model.
 */
export function lookInside(
  config: ModelConfig,
  parameters: FloatArray,
  tokens: readonly number[],
  next?: number,
): Inside {
  const { nLayer, nHead: H, vocabSize: V, blockSize } = config;
  checkParameterCount('parameters', parameters.length, countParameters(config));
  checkTokens(tokens, 0, blockSize, V);
  if (next !== undefined) checkTokens([next], 0, blockSize, V);
  const n = tokens.length;
  const document = documentGraph(config, n);
  const values = new Map<Tensor, TensorArray>();
  for (const { name, offset, size } of parameterSpecs(config)) {
    values.set(document.parameters.get(name)!, Float64Array.from(parameters.subarray(offset, offset + size)));
  }
  values.set(document.tokens, Uint32Array.from(tokens));
  values.set(document.positions, Uint32Array.from(tokens.keys()));
  values.set(document.targets, Uint32Array.from([...tokens.slice(1), next ?? 0]));
  values.set(
    document.spans,
    Uint32Array.from({ length: 2 * n }, (_, i) => (i % 2 === 0 ? 0 : n)),
  );
  const { nodes } = document.graph;
  for (const node of nodes) run(node, values, n);

  const of = (tensor: Tensor) => values.get(tensor) as Float64Array;
  const ops = (where: string, op: string): Node[] =>
    nodes.filter((node) => node.where === where && node.op.name === op);
  const stage = (name: string, x: Float64Array): ResidualStage => ({ name, x, rms: rootMeanSquares(x, n) });

  const [[, start]] = ops('layer0', 'add').map(({ inputs }) => inputs);
  const residual = [stage('embedding', of(start))]; // what the first layer adds to
  const layers: LayerInside[] = [];
  for (let i = 0; i < nLayer; i++) {
    const where = `layer${i}`;
    const [attended, fed] = ops(where, 'add');
    residual.push(stage(`${where}.attention`, of(attended.outputs[0])));
    residual.push(stage(`${where}.mlp`, of(fed.outputs[0])));
    const [{ inputs }] = ops(where, 'attention');
    const [queries, keys, handed] = inputs.slice(0, 3).map(of);
    const hidden = ops(where, 'linear').at(-1)!.inputs[0]; // of the MLP's second matrix
    layers.push({
      queries,
      keys,
      values: handed,
      attention: attentionWeights(queries, keys, n, H),
      hidden: of(hidden),
    });
  }
  const losses = of(document.nll);
  if (next === undefined) losses[n - 1] = NaN;
  const logits = of(document.logits);
  return { rows: n, logits, probabilities: softmaxRows(logits.slice(), V), losses, residual, layers };
}

function run({ op, inputs, outputs, attrs }: Node, values: Map<Tensor, TensorArray>, rows: number): void {
  const results = outputs.map(({ shape, dtype }) => {
    return dtype === 'u32' ? new Uint32Array(sizeOf(shape)) : new Float64Array(sizeOf(shape));
  });
  op.cpu({
    inputs: inputs.map((tensor) => values.get(tensor)!),
    outputs: results,
    shapes: inputs.map((tensor) => tensor.shape),
    attrs,
    step: { index: 0, rows, learningRate: 0, correction1: 1, correction2: 1 },
  });
  outputs.forEach((tensor, i) => values.set(tensor, results[i]));
}

/** p[h, r, t] = softmax over t ≤ r of q[r]·k[t] / √D, which the attention op does not keep. q and k are (n, C). */
function attentionWeights(q: Float64Array, k: Float64Array, n: number, H: number): Float64Array {
  const C = q.length / n;
  const D = C / H;
  const weights = new Float64Array(H * n * n);
  for (let h = 0; h < H; h++) {
    for (let r = 0; r < n; r++) {
      const row = weights.subarray((h * n + r) * n, (h * n + r) * n + r + 1);
      for (let t = 0; t <= r; t++) {
        let dot = 0;
        for (let d = h * D; d < (h + 1) * D; d++) dot += q[r * C + d] * k[t * C + d];
        row[t] = dot / Math.sqrt(D);
      }
      softmaxRows(row, r + 1);
    }
  }
  return weights;
}

/** softmax of each row of `width`, in place. */
function softmaxRows(values: Float64Array, width: number): Float64Array {
  for (let row = 0; row < values.length; row += width) {
    let largest = -Infinity;
    for (let i = row; i < row + width; i++) largest = Math.max(largest, values[i]);
    let total = 0;
    for (let i = row; i < row + width; i++) total += values[i] = Math.exp(values[i] - largest);
    for (let i = row; i < row + width; i++) values[i] /= total;
  }
  return values;
}

function rootMeanSquares(x: Float64Array, n: number): Float64Array {
  const C = x.length / n;
  return Float64Array.from({ length: n }, (_, r) => {
    let sum = 0;
    for (let i = r * C; i < (r + 1) * C; i++) sum += x[i] * x[i];
    return Math.sqrt(sum / C);
  });
}
