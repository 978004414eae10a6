// The text of a run that is kept, and which of the page's own texts a run from elsewhere has read.

import { BUILTIN_DOCUMENTS } from '../../data/builtin-names.ts';
import { readDocuments } from '../../data/documents.ts';
import { TOY_NAMES, toyDocuments } from '../../data/toy-tasks.ts';
import type { DataSummary } from '../../train/records.ts';
import { fingerprintDocuments } from '../../train/run-files.ts';
import { DataError } from '../../util/errors.ts';
import type { RunDetails } from './runs.ts';

/** The page's own text that is the same as the one of `data`; `missing` where there is none. */
export async function knownText({ sha256 }: DataSummary): Promise<RunDetails['text']> {
  if ((await fingerprintDocuments(BUILTIN_DOCUMENTS)) === sha256) return { kind: 'builtin' };
  for (const task of TOY_NAMES) {
    if ((await fingerprintDocuments(toyDocuments(task))) === sha256) return { kind: 'toy', task };
  }
  return { kind: 'missing' };
}

/** The documents of a run, `stored` being its own text; undefined where they are not here. Throws DataError. */
export function documentsOf(
  text: RunDetails['text'],
  stored: Uint8Array | undefined,
  where: string,
): readonly string[] | undefined {
  switch (text.kind) {
    case 'builtin':
      return BUILTIN_DOCUMENTS;
    case 'toy':
      return toyDocuments(text.task);
    case 'stored':
      return stored && readDocuments(stored, where);
    case 'missing':
      return undefined;
  }
}

/** Throws DataError unless `documents` are what the run of `data` has read. */
export async function checkSameText(
  documents: readonly string[],
  data: DataSummary,
  name: string,
): Promise<void> {
  const sha256 = await fingerprintDocuments(documents);
  if (sha256 === data.sha256) return;
  throw new DataError(
    `${name}: this is not the text that the run began with: expected ${data.documents} documents with sha256 ` +
      `${data.sha256.slice(0, 12)}…, got ${documents.length} with ${sha256.slice(0, 12)}….`,
  );
}
