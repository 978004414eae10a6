// How much of a text training can use: of each document it predicts the first T tokens, as microgpt.py does
// (n = min(block_size, len(tokens) - 1)), and never sees the rest.

import type { TokenizedDocuments } from './tokenizer.ts';

export interface TextUse {
  readonly documents: number;
  /** Documents that are longer than the block: what follows their first T tokens is never used. */
  readonly cut: number;
  /** Tokens to predict in all documents: every character, and the end of each document. */
  readonly tokens: number;
  /** Those within the block; `tokens` where no document is cut. */
  readonly used: number;
  /** used / tokens: 1 where no document is cut. */
  readonly share: number;
  /** Tokens of the longest document: the smallest block that cuts none. */
  readonly longest: number;
}

/** T = blockSize, in tokens. */
export function textUse(
  { count, offsets }: Pick<TokenizedDocuments, 'count' | 'offsets'>,
  blockSize: number,
): TextUse {
  let cut = 0;
  let used = 0;
  let longest = 0;
  for (let d = 0; d < count; d++) {
    const length = offsets[d + 1] - offsets[d] - 1;
    if (length > blockSize) cut++;
    used += Math.min(length, blockSize);
    longest = Math.max(longest, length);
  }
  const tokens = offsets[count] - count;
  return { documents: count, cut, tokens, used, share: used / tokens, longest };
}

/** How many of `samples` are documents word for word: as much of one as training can use, where it is cut. */
export function countCopies(
  samples: readonly string[],
  documents: readonly string[],
  blockSize: number,
): number {
  const counts = new Map<string, number>();
  for (const sample of samples) counts.set(sample, (counts.get(sample) ?? 0) + 1);
  let copies = 0;
  for (const document of documents) {
    const start = firstCharacters(document, blockSize);
    copies += counts.get(start) ?? 0;
    counts.delete(start); // another document may begin alike
  }
  return copies;
}

/** The first `count` code points of `text`. */
function firstCharacters(text: string, count: number): string {
  if (text.length <= count) return text;
  return Array.from(text.slice(0, 2 * count))
    .slice(0, count)
    .join('');
}
