// The GPT as a graph: microgpt.py's `gpt` for all tokens of a step at once.
//
// Shapes: R rows (packed tokens of the step's documents), C channels, V vocabulary.

import type { Graph, Tensor } from '../graph/graph.ts';
import type { Op } from '../graph/op.ts';
import { add } from '../ops/add.ts';
import { bias } from '../ops/bias.ts';
import { embedding } from '../ops/embedding.ts';
import { gelu } from '../ops/gelu.ts';
import { layernorm } from '../ops/layernorm.ts';
import { linear } from '../ops/linear.ts';
import { relu } from '../ops/relu.ts';
import { rmsnorm } from '../ops/rmsnorm.ts';
import type { Architecture, Attend } from './architecture.ts';
import type { ModelConfig } from '../config/config.ts';
import { gptParameters } from './parameters.ts';

const ACTIVATIONS = { relu, gelu };

/** Logits (R, V) of every row, as microgpt.py's `gpt`, or with GPT-2's parts in place of its own. */
function forward(
  graph: Graph,
  config: ModelConfig,
  weight: (name: string) => Tensor,
  tokens: Tensor,
  positions: Tensor,
  attend: Attend,
): Tensor {
  const layerNorms = config.norm === 'layernorm';
  const apply = (op: Op, ...inputs: Tensor[]) => graph.apply(op, inputs)[0];
  const norm = (x: Tensor, name: string): Tensor =>
    layerNorms ? apply(layernorm, x, weight(`${name}.weight`), weight(`${name}.bias`)) : apply(rmsnorm, x);
  const project = (x: Tensor, name: string): Tensor => {
    const out = apply(linear, x, weight(name));
    return config.bias ? apply(bias, out, weight(`${name}.bias`)) : out;
  };

  let x = apply(embedding, weight('wte'), weight('wpe'), tokens, positions); // (R, C)
  if (!layerNorms) x = apply(rmsnorm, x); // not redundant: the residual connection below starts here

  for (let i = 0; i < config.nLayer; i++) {
    graph.where = `layer${i}`;

    // 1) multi-head attention
    let residual = x;
    x = norm(x, `layer${i}.attn_norm`);
    const q = project(x, `layer${i}.attn_wq`);
    const k = project(x, `layer${i}.attn_wk`);
    const v = project(x, `layer${i}.attn_wv`);
    x = attend(i, q, k, v);
    x = project(x, `layer${i}.attn_wo`);
    x = apply(add, x, residual);

    // 2) MLP
    residual = x;
    x = norm(x, `layer${i}.mlp_norm`);
    x = project(x, `layer${i}.mlp_fc1`); // (R, 4C)
    x = apply(ACTIVATIONS[config.activation], x);
    x = project(x, `layer${i}.mlp_fc2`); // (R, C)
    x = apply(add, x, residual);
  }

  graph.where = 'head';
  if (layerNorms) x = norm(x, 'final_norm');
  return apply(linear, x, weight(config.tie ? 'wte' : 'lm_head')); // (R, V)
}

export const gpt: Architecture = { parameters: gptParameters, forward };
