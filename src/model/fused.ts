// The training step of gpt.ts in fewer ops: each takes in the neighbours that would otherwise be dispatches of their
// own. The parameters, the loss and the gradients are the same; only the order of some sums differs.

import type { Graph, Node, Tensor } from '../graph/graph.ts';
import { add } from '../ops/add.ts';
import { attentionQkvFor } from '../ops/attention-tiled.ts';
import { embeddingNorm } from '../ops/embedding-norm.ts';
import { linearAdd, linearWithGrad } from '../ops/linear-add.ts';
import { normLinearRelu } from '../ops/norm-linear-relu.ts';
import { normQkv } from '../ops/norm-qkv.ts';
import { normedGrad, normedGradAdd } from '../ops/normed-grad.ts';
import { softmaxLoss } from '../ops/softmax-loss.ts';
import type { ModelConfig } from './config.ts';

/** What `batch` lays out for a step. */
export interface BatchTensors {
  readonly tokens: Tensor;
  readonly targets: Tensor;
  readonly positions: Tensor;
  readonly spans: Tensor;
  readonly weights: Tensor;
}

/** The forward pass up to the loss of every row (R), and the node to differentiate. */
export function fusedLoss(
  graph: Graph,
  config: ModelConfig,
  parameters: ReadonlyMap<string, Tensor>,
  { tokens, targets, positions, spans, weights }: BatchTensors,
): { nll: Tensor; node: Node } {
  const weight = (name: string) => parameters.get(name)!;
  const heads = { heads: config.nHead, block: config.blockSize };
  const attention = attentionQkvFor(config.nEmbd, heads);

  let [x] = graph.apply(embeddingNorm, [weight('wte'), weight('wpe'), tokens, positions]); // (R, C)
  for (let i = 0; i < config.nLayer; i++) {
    graph.where = `layer${i}`;
    const layer = (name: string) => weight(`layer${i}.${name}`);
    const [qkv] = graph.apply(normQkv, [x, layer('attn_wq'), layer('attn_wk'), layer('attn_wv')]); // (R, 3C)
    const [mixed] = graph.apply(attention, [qkv, spans], heads); // (R, C)
    [x] = graph.apply(linearAdd, [mixed, layer('attn_wo'), x]);
    const [hidden] = graph.apply(normLinearRelu, [x, layer('mlp_fc1')]); // (R, 4C)
    [x] = graph.apply(linearAdd, [hidden, layer('mlp_fc2'), x]); // (R, C)
  }
  graph.where = 'head';
  const [logits] = graph.apply(linearWithGrad, [x, weight('lm_head')]); // (R, V)
  const [nll] = graph.apply(softmaxLoss, [targets, weights, logits]); // (R)
  return { nll, node: graph.nodes.at(-1)! };
}

/**
 * Sums gradients that meet. One that comes through a norm takes the other in as it is stored; its own node is then
 * one that nothing needs, which the plan leaves out.
 */
export function fusedSum(graph: Graph, a: Tensor, b: Tensor): Tensor {
  if (b.node?.op === normedGrad) return graph.apply(normedGradAdd, [...b.node.inputs, a])[0];
  return graph.apply(add, [a, b])[0];
}
