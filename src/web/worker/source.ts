// The text of a run: where it comes from, and what the page shows of it.

import { BUILTIN_NAMES } from '../../data/builtin-names.ts';
import { readDocuments } from '../../data/documents.ts';
import { createTokenizer } from '../../data/tokenizer.ts';
import { toyDocuments } from '../../data/toy-tasks.ts';
import { PythonRandom } from '../../util/python-random.ts';
import type { DataMessage, Source } from '../messages.ts';

/** Documents that the page shows. */
const SHOWN = 60;

export interface ReadSource {
  readonly name: string;
  /** In the order of the text. */
  readonly documents: readonly string[];
}

/** Throws DataError where the text cannot be used. */
export async function readSource(source: Source): Promise<ReadSource> {
  const encode = (text: string) => new TextEncoder().encode(text);
  switch (source.kind) {
    case 'builtin':
      return { name: 'builtin', documents: readDocuments(encode(BUILTIN_NAMES), 'built-in names') };
    case 'toy':
      return { name: source.task, documents: toyDocuments(source.task) };
    case 'text':
      return { name: 'your text', documents: readDocuments(encode(source.text), 'your text') };
    case 'file': {
      const { name } = source.file;
      const bytes = new Uint8Array(await source.file.arrayBuffer());
      return { name, documents: readDocuments(bytes, name) };
    }
  }
}

/** What a run with this seed makes of the text. */
export function describeData({ name, documents }: ReadSource, seed: number): DataMessage {
  const shuffled = [...documents];
  new PythonRandom(seed).shuffle(shuffled);
  let longest = 0;
  for (const document of documents) longest = Math.max(longest, [...document].length);
  return {
    type: 'data',
    source: name,
    count: documents.length,
    documents: shuffled.slice(0, SHOWN),
    chars: createTokenizer(documents).chars,
    longest,
  };
}
