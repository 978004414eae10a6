// The text of a run: where it comes from, and what the page shows of it.

import { BUILTIN_NAMES } from '../../data/builtin-names.ts';
import { readDocuments } from '../../data/documents.ts';
import { createTokenizer } from '../../data/tokenizer.ts';
import { toyDocuments } from '../../data/toy-tasks.ts';
import { DataError } from '../../util/errors.ts';
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
      return { name, documents: readDocuments(await bytesOf(source.file), name) };
    }
  }
}

async function bytesOf(file: File): Promise<Uint8Array> {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (cause) {
    throw new DataError(
      `${file.name}: the browser cannot read it. Choose it again; if it is a folder, choose a file.`,
      { cause },
    );
  }
}

/** What a run with this seed makes of the text. */
export function describeData({ name, documents }: ReadSource, seed: number): DataMessage {
  const shuffled = [...documents];
  new PythonRandom(seed).shuffle(shuffled);
  const offsets = new Uint32Array(documents.length + 1);
  documents.forEach((document, d) => {
    let length = 2; // BOS on both sides
    for (const _ of document) length++;
    offsets[d + 1] = offsets[d] + length;
  });
  return {
    type: 'data',
    source: name,
    count: documents.length,
    documents: shuffled.slice(0, SHOWN),
    chars: createTokenizer(documents).chars,
    offsets,
    next: false,
  };
}
