// What `train` and `sweep` say of a text that is longer than the block, and of samples that repeat the text.

import { countCopies, type TextUse } from '../data/text-use.ts';
import type { Output } from './output.ts';

export interface TrainingText {
  readonly documents: readonly string[];
  readonly use: TextUse;
}

/** Samples that are looked up in the text. */
export const MOST_LOOKED_UP = 10_000;

/** Notes that documents are cut, where any are. `fixed`: the run goes on with the block size that it has. */
export function noteCut(
  { documents, cut, share, longest }: TextUse,
  blockSize: number,
  fixed: boolean,
  output: Output,
): void {
  if (cut === 0) return;
  const who = documents === 1 ? 'The only document' : `${cut} of ${documents} documents`;
  const are = cut === 1 ? 'is' : 'are';
  output.note(
    `${who} ${are} longer than the block of ${blockSize} tokens and ${are} cut there: training can use ${percent(share)} of the text.`,
  );
  output.note(
    `To use more, ${fixed ? 'train a new run with a larger' : 'raise'} --block-size ` +
      `(the longest document needs ${longest}) or break the text into shorter lines.`,
  );
}

/** Two digits, and never 100% of a text that is cut. */
function percent(share: number): string {
  return share >= 0.995 ? 'more than 99%' : `${Number((100 * share).toPrecision(2))}%`;
}

/** Prints how many of `samples` repeat the text, and gives it for the last record. */
export function printCopies(
  samples: readonly string[],
  { documents, use }: TrainingText,
  blockSize: number,
  output: Output,
): { readonly copies?: number } {
  if (samples.length === 0) return {};
  const copies = countCopies(samples, documents, blockSize);
  const [all, repeat] = [samples.length, copies === 1 ? 'repeats' : 'repeat'];
  const cut = use.cut === 0 ? '' : ', cut to the block,';
  output.detail(`${copies} of ${all} samples ${repeat} a training document${cut} word for word`);
  return { copies };
}
