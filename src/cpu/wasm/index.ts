// What JavaScript calls. src/cpu/kernels.ts has the same signatures in TypeScript.

import { configureAdam } from './adam';
import { weightBytes } from './attention';
import * as m from './memory';

export { layOutMemory } from './memory';
export { gradients, refresh, train } from './step';
export { decode } from './decode';
export { beginTexts, takeToken, usedNumbers, writeTexts } from './generate';
export { setPatience } from './threads';
export { configureAdam };

/** Bytes of attention weights of one document and head. */
export function pairBytes(n: i32): usize {
  return weightBytes(n);
}

/** What `address` gives: regions, and distances from a parameter. src/cpu/kernels.ts has the same list. */
export const enum Region {
  offsets, corpus, rates, losses, logits, toGradient, toM, toV, texts, uniforms,
}

export function address(region: Region): usize {
  switch (region) {
    case Region.offsets: return m.offsets;
    case Region.corpus: return m.corpus;
    case Region.rates: return m.rates;
    case Region.losses: return m.losses;
    case Region.logits: return m.logits;
    case Region.toGradient: return m.toGradient;
    case Region.toM: return m.toM;
    case Region.toV: return m.toV;
    case Region.texts: return m.texts;
    case Region.uniforms: return m.uniforms;
  }
  return 0;
}

/** Where the matrix `index` of microgpt.py's order starts: wte, wpe, lm_head, then wq, wk, wv, wo, fc1, fc2 of each layer. */
export function matrixAt(index: i32): usize {
  if (index == 0) return m.wte;
  if (index == 1) return m.wpe;
  if (index == 2) return m.lmHead;
  const layer = m.layers + <usize>((index - 3) / 6) * m.layerBytes;
  const inLayer = (index - 3) % 6;
  if (inLayer < 3) return layer + <usize>inLayer * m.A * m.strideC;
  if (inLayer == 3) return layer + m.wo;
  if (inLayer == 4) return layer + m.fc1;
  return layer + m.fc2;
}

/** Bytes from row to row of that matrix. */
export function matrixStride(index: i32): usize {
  if (index < 3) return m.strideC;
  const inLayer = (index - 3) % 6;
  if (inLayer == 3) return m.strideA;
  return inLayer == 5 ? m.strideF : m.strideC;
}
