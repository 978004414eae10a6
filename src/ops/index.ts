// Every op there is, and the rules by which GPU strategies put ops together. A new op adds its file, its shader, its test and one
// line here.

import type { Rule } from '../graph/fuse.ts';
import type { Op } from '../graph/op.ts';
import { adam, adamClipped } from './adam.ts';
import { add } from './add.ts';
import { attention } from './attention.ts';
import { attentionDecode } from './attention-decode.ts';
import { attentionGradKv, attentionGradQ, attentionGradStats } from './attention-grad.ts';
import { attentionQkv, attentionQkvGrad } from './attention-qkv.ts';
import {
  attentionGradTiledKv,
  attentionGradTiledQ,
  attentionQkvGradTiled,
  attentionQkvTiled,
  attentionQkvTiledRules,
  attentionTiled,
  attentionTiledRules,
} from './attention-tiled.ts';
import { batch } from './batch.ts';
import { crossEntropy, crossEntropyGrad } from './cross-entropy.ts';
import { embedding, embeddingGrad, embeddingGradOrdered, embeddingGradOrderedRule } from './embedding.ts';
import {
  embeddingNorm,
  embeddingNormGrad,
  embeddingNormGradRule,
  embeddingNormRule,
  embeddingTablesGrad,
  embeddingTablesGradRule,
} from './embedding-norm.ts';
import { linearAdd, linearAddRule, linearGrad, linearGradInParts, linearGradRule } from './linear-add.ts';
import { linear, linearGradW, linearGradWInParts, linearGradX } from './linear.ts';
import { loss } from './loss.ts';
import {
  linearReluGrad,
  linearReluGradInParts,
  normLinearRelu,
  normLinearReluRule,
} from './norm-linear-relu.ts';
import { normQkv, normQkvRule, qkvGradW, qkvGradWInParts, qkvGradX } from './norm-qkv.ts';
import { normedGrad, normedGradAdd, normedGradAddRule } from './normed-grad.ts';
import { bias, biasGrad } from './bias.ts';
import { gelu, geluGrad } from './gelu.ts';
import { layernorm, layernormGrad, layernormGradW } from './layernorm.ts';
import { relu, reluGrad } from './relu.ts';
import { rmsnorm, rmsnormGrad } from './rmsnorm.ts';
import { softmaxLoss, softmaxLossRule } from './softmax-loss.ts';
import { tokenOrder } from './token-order.ts';
import { sumParts } from './sum-parts.ts';
import { sumSquares } from './sum-squares.ts';

export const OPS: readonly Op[] = [
  batch,
  embedding,
  embeddingGrad,
  tokenOrder,
  embeddingGradOrdered,
  rmsnorm,
  rmsnormGrad,
  linear,
  linearGradX,
  linearGradW,
  sumParts,
  attention,
  attentionGradStats,
  attentionGradQ,
  attentionGradKv,
  attentionTiled,
  attentionGradTiledQ,
  attentionGradTiledKv,
  attentionDecode,
  relu,
  reluGrad,
  gelu,
  geluGrad,
  bias,
  biasGrad,
  layernorm,
  layernormGrad,
  layernormGradW,
  add,
  crossEntropy,
  crossEntropyGrad,
  loss,
  adam,
  sumSquares,
  adamClipped,
  // What 'fused' makes of them.
  embeddingNorm,
  embeddingNormGrad,
  embeddingTablesGrad,
  normQkv,
  qkvGradX,
  qkvGradW,
  attentionQkv,
  attentionQkvGrad,
  attentionQkvTiled,
  attentionQkvGradTiled,
  linearAdd,
  linearGrad,
  normLinearRelu,
  linearReluGrad,
  normedGrad,
  normedGradAdd,
  softmaxLoss,
];

/** Rules of large sizes, for the ops of the model as they are. */
export const LARGE_SIZES: readonly Rule[] = [
  ...attentionTiledRules,
  embeddingGradOrderedRule,
  linearGradWInParts,
];

/** Neighbours in one kernel, in the order in which they are put together. */
export const NEIGHBOURS: readonly Rule[] = [
  embeddingNormRule,
  normQkvRule,
  normLinearReluRule,
  linearAddRule,
  linearGradRule,
  softmaxLossRule,
  normedGradAddRule,
  embeddingNormGradRule,
  embeddingTablesGradRule,
];

/** The same, and what large sizes make of these. */
export const FUSED: readonly Rule[] = [
  ...NEIGHBOURS,
  ...LARGE_SIZES,
  ...attentionQkvTiledRules,
  linearGradInParts,
  linearReluGradInParts,
  qkvGradWInParts,
];
