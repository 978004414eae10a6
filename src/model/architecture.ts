// What the graph needs to know of a kind of model. The GPT (gpt.ts) is the one that everybody gets; another one needs
// nothing but these two functions to be trained by every engine.

import type { Graph, Tensor } from '../graph/graph.ts';
import type { ModelConfig } from '../config/config.ts';

/** A matrix of weights [out, in], or a vector: a bias, or the weights of a norm. */
export interface ParameterShape {
  /** Such as `layer0.attn_wq`. */
  readonly name: string;
  readonly shape: readonly number[];
  /** What it starts as; Gaussian unless given. */
  readonly initial?: 0 | 1;
}

/** Causal attention in one layer: q, k, v (R, C) to the mixed values (R, C). */
export type Attend = (layer: number, q: Tensor, k: Tensor, v: Tensor) => Tensor;

export interface Architecture {
  /** Every parameter, in the order in which initial values are drawn and checkpoints are written. */
  parameters(config: ModelConfig): readonly ParameterShape[];

  /** Adds the nodes that compute the logits (R, V) of every row from its token and position (R each). */
  forward(
    graph: Graph,
    config: ModelConfig,
    weight: (name: string) => Tensor,
    tokens: Tensor,
    positions: Tensor,
    attend: Attend,
  ): Tensor;
}

/** The sizes of a model, and what kind it is: the GPT where nothing else is said. */
export interface Model extends ModelConfig {
  readonly architecture?: Architecture;
}
