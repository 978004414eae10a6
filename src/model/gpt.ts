// The model as a graph: microgpt.py's `gpt` for all tokens of a step at once, its training step, and the
// step of one token that sampling uses.
//
// Shapes: R rows (packed tokens of the step's documents), C channels, H heads, V vocabulary, T context.

import { gradients } from '../graph/autodiff.ts';
import { fuse } from '../graph/fuse.ts';
import type { Rule } from '../graph/fuse.ts';
import { Graph } from '../graph/graph.ts';
import type { Tensor } from '../graph/graph.ts';
import { sizeOf, STEP_BYTES } from '../graph/op.ts';
import { planGraph } from '../graph/plan.ts';
import type { Place, Plan, Region } from '../graph/plan.ts';
import { adam, adamClipped } from '../ops/adam.ts';
import { add } from '../ops/add.ts';
import { attentionDecode } from '../ops/attention-decode.ts';
import { attention } from '../ops/attention.ts';
import { batch } from '../ops/batch.ts';
import { crossEntropy } from '../ops/cross-entropy.ts';
import { embedding } from '../ops/embedding.ts';
import { linear } from '../ops/linear.ts';
import { loss } from '../ops/loss.ts';
import { relu } from '../ops/relu.ts';
import { rmsnorm } from '../ops/rmsnorm.ts';
import { sumSquares } from '../ops/sum-squares.ts';
import { ConfigError } from '../util/errors.ts';
import type { ModelConfig, TrainingConfig } from './config.ts';
import { rowsAtOnce } from './evaluation.ts';
import { parameterSpecs } from './parameters.ts';
import type { ParameterLayout, ParameterSpec } from './parameters.ts';

/** Losses that the ring holds until they are read. */
export const RING_LENGTH = 1024;

/** Throws ConfigError where a run takes more documents than 32 bits count. */
export function checkRunLength({ batchSize: B, steps }: TrainingConfig): void {
  if (steps * B <= 2 ** 32) return;
  throw new ConfigError(`steps × batch_size: expected at most 2^32 documents in a run, got ${steps} × ${B}.`);
}

/** The attention of one layer: q, k, v (R, C) to the mixed values (R, C). Each has a number of its own, from 0 to nLayer − 1. */
export type Attend = (layer: number, q: Tensor, k: Tensor, v: Tensor) => Tensor;

/** What a model is: everything else follows from it. */
export interface Model {
  /** Its parameters, in the order of the flat list. */
  parameters(config: ModelConfig): ParameterSpec[];

  /** Logits (R, V) of every row, from tokens and positions (R each). `graph.where` is empty at first. */
  forward(
    graph: Graph,
    config: ModelConfig,
    parameters: ReadonlyMap<string, Tensor>,
    tokens: Tensor,
    positions: Tensor,
    attend: Attend,
  ): Tensor;
}

/** microgpt.py's model. */
export const gpt: Model = { parameters: parameterSpecs, forward };

/** As microgpt.py's `gpt`. */
function forward(
  graph: Graph,
  config: ModelConfig,
  parameters: ReadonlyMap<string, Tensor>,
  tokens: Tensor,
  positions: Tensor,
  attend: Attend,
): Tensor {
  const weight = (name: string) => parameters.get(name)!;
  const apply = (op: typeof linear, ...inputs: Tensor[]) => graph.apply(op, inputs)[0];

  let x = apply(embedding, weight('wte'), weight('wpe'), tokens, positions); // (R, C)
  x = apply(rmsnorm, x); // not redundant: the residual connection below starts here

  for (let i = 0; i < config.nLayer; i++) {
    graph.where = `layer${i}`;
    const layer = (name: string) => weight(`layer${i}.${name}`);

    // 1) multi-head attention
    let residual = x;
    x = apply(rmsnorm, x);
    const q = apply(linear, x, layer('attn_wq'));
    const k = apply(linear, x, layer('attn_wk'));
    const v = apply(linear, x, layer('attn_wv'));
    x = attend(i, q, k, v);
    x = apply(linear, x, layer('attn_wo'));
    x = apply(add, x, residual);

    // 2) MLP
    residual = x;
    x = apply(rmsnorm, x);
    x = apply(linear, x, layer('mlp_fc1')); // (R, 4C)
    x = apply(relu, x);
    x = apply(linear, x, layer('mlp_fc2')); // (R, C)
    x = apply(add, x, residual);
  }

  graph.where = 'head';
  return apply(linear, x, weight('lm_head')); // (R, V)
}

/** The parameters as sources of `graph`, each at its place in the region `parameters`. */
function parameterSources(
  graph: Graph,
  layout: ParameterLayout,
  places: Map<Tensor, Place>,
): Map<string, Tensor> {
  return new Map(
    layout.specs.map(({ name, shape }, i) => {
      const tensor = graph.source(name, shape);
      places.set(tensor, { region: 'parameters', offset: layout.offsets[i] });
      return [name, tensor];
    }),
  );
}

/**
 * One training step as a plan: `batch`, forward, backward, `loss` and, last, `adam`, or `sum_squares` and `adam_clipped`
 * where gradients are clipped. Regions: parameters,
 * gradients, m, v (each `layout.length`), corpus, counter (steps done), step (`struct Step`) and ring (losses). `rules`
 * put other ops in the place of the model's: the same numbers but for rounding.
 */
export function trainingPlan(
  config: ModelConfig,
  training: TrainingConfig,
  layout: ParameterLayout,
  corpus: { readonly length: number; readonly documents: number },
  rules: readonly Rule[] = [],
  model = gpt,
): Plan {
  checkRunLength(training);
  const { batchSize: B, steps } = training;
  const graph = new Graph();
  const places = new Map<Tensor, Place>();
  const state = (region: string, length: number, dtype: 'f32' | 'u32' = 'f32'): Tensor => {
    const tensor = graph.source(region, [length], dtype);
    places.set(tensor, { region, offset: 0 });
    return tensor;
  };

  const counter = state('counter', 1, 'u32');
  const [step, tokens, targets, positions, spans, weights] = graph.apply(
    batch,
    [state('corpus', corpus.length, 'u32'), counter],
    {
      batch: B,
      block: config.blockSize,
      documents: corpus.documents,
      steps,
      learningRate: training.learningRate,
      beta1: training.beta1,
      beta2: training.beta2,
    },
  );
  places.set(step, { region: 'step', offset: 0 });

  const parameters = parameterSources(graph, layout, places);
  const ring = state('ring', RING_LENGTH);
  const heads = { heads: config.nHead, block: config.blockSize };
  const logits = model.forward(graph, config, parameters, tokens, positions, (_layer, q, k, v) => {
    return graph.apply(attention, [q, k, v, spans], heads)[0];
  });
  const [nll] = graph.apply(crossEntropy, [logits, targets]);
  graph.where = '';
  const lossNode = graph.add(loss, [nll, weights, ring]);

  const sum = (a: Tensor, b: Tensor) => graph.apply(add, [a, b])[0];
  gradients(graph, lossNode, [...parameters.values()], sum).forEach((gradient, i) => {
    places.set(gradient!, { region: 'gradients', offset: layout.offsets[i] });
  });

  graph.where = '';
  const flat = (region: string) => state(region, layout.length);
  const grads = flat('gradients');
  const { beta1, beta2, eps, clip } = training;
  const updated = [flat('parameters'), flat('m'), flat('v'), counter];
  if (clip === 0) {
    graph.apply(adam, [grads, ...updated], { beta1, beta2, eps });
  } else {
    const [parts] = graph.apply(sumSquares, [grads]);
    graph.apply(adamClipped, [grads, parts, ...updated], { beta1, beta2, eps, clip });
  }

  const all: Region[] = ['parameters', 'gradients', 'm', 'v'].map((name) => ({
    name,
    dtype: 'f32',
    length: layout.length,
  }));
  const regions: Region[] = [
    ...all,
    { name: 'corpus', dtype: 'u32', length: corpus.length },
    { name: 'counter', dtype: 'u32', length: 1 },
    { name: 'step', dtype: 'u32', length: STEP_BYTES / 4 },
    { name: 'ring', dtype: 'f32', length: RING_LENGTH },
  ];
  fuse(graph, rules, new Set(places.keys()));
  return planGraph(graph, regions, places);
}

/** One document's forward pass and loss, to look inside: see inside.ts. */
export interface DocumentGraph {
  readonly graph: Graph;
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** Sources of n rows: token ids, positions, targets (all u32), and the rows' spans (n, 2). */
  readonly tokens: Tensor;
  readonly positions: Tensor;
  readonly targets: Tensor;
  readonly spans: Tensor;
  readonly logits: Tensor;
  /** Nats of each row. */
  readonly nll: Tensor;
}

/** The graph of `n` rows of one document: the forward pass of the training step, without the training. */
export function documentGraph(config: ModelConfig, n: number, model = gpt): DocumentGraph {
  const graph = new Graph();
  const parameters = new Map(
    model.parameters(config).map(({ name, shape }) => [name, graph.source(name, shape)]),
  );
  const [tokens, positions, targets] = ['tokens', 'positions', 'targets'].map((name) =>
    graph.source(name, [n], 'u32'),
  );
  const spans = graph.source('spans', [n, 2], 'u32');
  const heads = { heads: config.nHead, block: config.blockSize };
  const logits = model.forward(graph, config, parameters, tokens, positions, (_layer, q, k, v) => {
    return graph.apply(attention, [q, k, v, spans], heads)[0];
  });
  const [nll] = graph.apply(crossEntropy, [logits, targets]);
  return { graph, parameters, tokens, positions, targets, spans, logits, nll };
}

/** What an evaluation is given, each a region of its own: see `DocumentRows`. */
export const ROW_REGIONS = ['tokens', 'targets', 'positions', 'spans'] as const;

/**
 * The surprise of every row as a plan, training nothing. Regions: parameters (shared with the training plan), step (rows in use),
 * those of ROW_REGIONS for `rowsAtOnce` rows, and nll (nats of each).
 */
export function evaluationPlan(
  config: ModelConfig,
  layout: ParameterLayout,
  rules: readonly Rule[] = [],
  model = gpt,
): Plan {
  const { graph, parameters, nll, ...given } = documentGraph(config, rowsAtOnce(config), model);
  const places = new Map<Tensor, Place>();
  const regions: Region[] = [
    { name: 'parameters', dtype: 'f32', length: layout.length },
    { name: 'step', dtype: 'u32', length: STEP_BYTES / 4 },
  ];
  const place = (name: string, tensor: Tensor) => {
    regions.push({ name, dtype: tensor.dtype, length: sizeOf(tensor.shape) });
    places.set(tensor, { region: name, offset: 0 });
  };
  layout.specs.forEach(({ name }, i) => {
    places.set(parameters.get(name)!, { region: 'parameters', offset: layout.offsets[i] });
  });
  for (const name of ROW_REGIONS) place(name, given[name]);
  place('nll', nll);
  fuse(graph, rules, new Set(places.keys()));
  return planGraph(graph, regions, places);
}

/**
 * The step of one token as a plan: logits of the token at a position, from the keys and values of the positions before it.
 * Regions: parameters (shared with the training plan), token and position (one u32 each), step (1 row in use), keys and values
 * of each layer, logits.
 */
export function decodePlan(config: ModelConfig, layout: ParameterLayout, model = gpt): Plan {
  const { nLayer, nEmbd: C, blockSize: T, vocabSize: V } = config;
  const graph = new Graph();
  const places = new Map<Tensor, Place>();
  const regions: Region[] = [
    { name: 'parameters', dtype: 'f32', length: layout.length },
    { name: 'step', dtype: 'u32', length: STEP_BYTES / 4 },
  ];
  const state = (region: string, shape: number[], dtype: 'f32' | 'u32' = 'f32'): Tensor => {
    const tensor = graph.source(region, shape, dtype);
    regions.push({ name: region, dtype, length: shape.reduce((a, b) => a * b) });
    places.set(tensor, { region, offset: 0 });
    return tensor;
  };

  const token = state('token', [1], 'u32');
  const position = state('position', [1], 'u32');
  const parameters = parameterSources(graph, layout, places);
  const caches = Array.from({ length: nLayer }, (_, i) => [
    state(`layer${i}.keys`, [T, C]),
    state(`layer${i}.values`, [T, C]),
  ]);
  const logits = model.forward(graph, config, parameters, token, position, (layer, q, k, v) => {
    return graph.apply(attentionDecode, [q, k, v, position, ...caches[layer]], { heads: config.nHead })[0];
  });
  regions.push({ name: 'logits', dtype: 'f32', length: V });
  places.set(logits, { region: 'logits', offset: 0 });
  return planGraph(graph, regions, places);
}
