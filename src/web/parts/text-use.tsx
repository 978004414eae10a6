// What a training leaves out of its text, and what to do about it.

import { useMemo } from 'preact/hooks';
import { textUse, type TextUse } from '../../data/text-use.ts';
import { count, counted } from '../format.ts';
import type { DataMessage } from '../messages.ts';

/** With a context of `blockSize`, which may be half typed: then nothing is cut. */
export function useTextUse({ count: documents, offsets }: DataMessage, blockSize: number): TextUse {
  return useMemo(
    () => textUse({ count: documents, offsets }, blockSize >= 1 ? blockSize : Infinity),
    [offsets, blockSize],
  );
}

/** A context that a page can train with, in tokens. */
const FEASIBLE = 1024;

/** Nothing where no document is cut. */
export function CutText({ use, blockSize }: { use: TextUse; blockSize: number }) {
  const { documents, cut, share, longest } = use;
  if (cut === 0) return null;
  const which =
    documents === 1
      ? `The only document, of ${counted(longest - 1, 'character')},`
      : `${count(cut)} of ${count(documents)} documents`;
  const whole = longest <= FEASIBLE ? ` (the longest document needs ${count(longest)})` : '';
  return (
    <p class="notice cut">
      {which} {cut === 1 ? 'is' : 'are'} cut after {counted(blockSize, 'character')}:{' '}
      <b>{shareText(share)} of the text is used.</b> To use more, raise Context <code>block_size</code>
      {whole} or break the text into shorter lines.
    </p>
  );
}

/** Two digits; never as if it were nothing, or all. */
function shareText(share: number): string {
  if (share < 0.001) return 'less than 0.1%';
  return share >= 0.995 ? 'more than 99%' : `${Number((100 * share).toPrecision(2))}%`;
}
