// What JavaScript calls. src/cpu/kernels.ts has the same signatures in TypeScript.

import { configureAdam } from './adam';
import { weightBytes } from './attention';
import * as m from './memory';
import { placeOf } from './panels';

export { layOutMemory } from './memory';
export { gradients, loss, refresh, train } from './step';
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

/**
 * Where an element of the matrix `index` of microgpt.py's order lies: wte, wpe, lm_head, then wq, wk, wv, wo, fc1, fc2 of each
 * layer. Rows and columns count the padding of heads.
 */
export function parameterAt(index: i32, row: i32, column: i32): usize {
  if (index < 2) return (index == 0 ? m.wte : m.wpe) + <usize>row * m.strideC + (<usize>column << 2);
  if (index == 2) return m.lmHead + placeOf(m.Vp, m.Cp, row, column);
  const layer = m.layers + <usize>((index - 3) / 6) * m.layerBytes;
  const inLayer = (index - 3) % 6;
  if (inLayer < 3) return layer + placeOf(3 * m.A, m.Cp, inLayer * m.A + row, column);
  if (inLayer == 3) return layer + m.wo + placeOf(m.Cp, m.A, row, column);
  if (inLayer == 4) return layer + m.fc1 + placeOf(m.F, m.Cp, row, column);
  return layer + m.fc2 + placeOf(m.Cp, m.F, row, column);
}
