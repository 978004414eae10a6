// Every op there is. A new op adds its file, its shader, its test and one line here.

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
  attentionTiled,
} from './attention-tiled.ts';
import { batch } from './batch.ts';
import { crossEntropy, crossEntropyGrad } from './cross-entropy.ts';
import { embedding, embeddingGrad, embeddingGradOrdered } from './embedding.ts';
import { embeddingNorm, embeddingNormGrad, embeddingTablesGrad } from './embedding-norm.ts';
import { linearAdd, linearGrad } from './linear-add.ts';
import { linear, linearGradW, linearGradX } from './linear.ts';
import { loss } from './loss.ts';
import { linearReluGrad, normLinearRelu } from './norm-linear-relu.ts';
import { normQkv, qkvGradW, qkvGradX } from './norm-qkv.ts';
import { normedGrad, normedGradAdd } from './normed-grad.ts';
import { relu, reluGrad } from './relu.ts';
import { rmsnorm, rmsnormGrad } from './rmsnorm.ts';
import { softmaxLoss } from './softmax-loss.ts';
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
