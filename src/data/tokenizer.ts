// Text <-> token ids: one token per character (Unicode code point, as in Python), in code point
// order, and one more, BOS, that stands on both sides of a document.

import { DataError } from '../util/errors.ts';

export interface Tokenizer {
  /** The character of each token: token i is chars[i]. */
  readonly chars: readonly string[];
  /** Beginning of sequence, the last token: chars.length. */
  readonly bos: number;
  /** V: chars.length + 1. */
  readonly vocabSize: number;
  /** One token per character, without BOS. Throws DataError naming the characters that have no token. */
  encode(text: string): number[];
  /** The same into `tokens` from `at` on; gives where they end. */
  encodeInto(text: string, tokens: Uint32Array, at: number): number;
  /** The text of `ids`; BOS gives nothing. Throws DataError for an id that is no token. */
  decode(ids: readonly number[]): string;
}

/** All documents in one array: document d is tokens[offsets[d] .. offsets[d + 1]) = BOS, its characters, BOS. */
export interface TokenizedDocuments {
  readonly count: number;
  readonly tokens: Uint32Array;
  /** count + 1 entries, the last is tokens.length. */
  readonly offsets: Uint32Array;
}

/** The tokenizer whose vocabulary is every character of `documents`: microgpt.py's `sorted(set(''.join(docs)))`. */
export function createTokenizer(documents: readonly string[]): Tokenizer {
  const seen = new Uint8Array(0x110000); // by code point
  for (const document of documents) {
    for (let i = 0; i < document.length; i++) {
      let code = document.charCodeAt(i);
      if (code >= 0xd800 && code < 0xdc00) code = document.codePointAt(i)!;
      if (code > 0xffff) i++;
      seen[code] = 1;
    }
  }
  const chars: string[] = [];
  for (let code = 0; code < seen.length; code++) if (seen[code]) chars.push(String.fromCodePoint(code));
  return tokenizerFromChars(chars);
}

/**
 * The tokenizer with this vocabulary, as saved with a run.
 * Throws DataError unless it is distinct single characters.
 */
export function tokenizerFromChars(vocabulary: readonly string[]): Tokenizer {
  const chars = [...vocabulary];
  const idOfCode = idsByCodePoint(chars);
  const bos = chars.length;

  function encodeInto(text: string, tokens: Uint32Array, at: number): number {
    for (let i = 0; i < text.length; i++) {
      let code = text.charCodeAt(i); // several times as fast as codePointAt
      if (code >= 0xd800 && code < 0xdc00) code = text.codePointAt(i)!;
      if (code > 0xffff) i++;
      const id = idOfCode[code] ?? -1;
      if (id < 0) throw unknownCharacters(text, chars);
      tokens[at++] = id;
    }
    return at;
  }

  function encode(text: string): number[] {
    const tokens = new Uint32Array(text.length);
    return Array.from(tokens.subarray(0, encodeInto(text, tokens, 0)));
  }

  function decode(ids: readonly number[]): string {
    let text = '';
    for (const id of ids) {
      if (id === bos) continue;
      const char = chars[id];
      if (char === undefined) throw new DataError(`token ${id}: expected a whole number from 0 to ${bos}.`);
      text += char;
    }
    return text;
  }

  return { chars, bos, vocabSize: bos + 1, encode, encodeInto, decode };
}

/** Throws DataError where a document has a character that the tokenizer lacks. */
export function tokenizeDocuments(tokenizer: Tokenizer, documents: readonly string[]): TokenizedDocuments {
  const { bos } = tokenizer;
  // Room for a token per UTF-16 unit: enough, and exact unless characters beyond U+FFFF occur.
  let room = 0;
  for (const document of documents) room += document.length + 2;
  const tokens = new Uint32Array(room);
  const offsets = new Uint32Array(documents.length + 1);
  let at = 0;
  for (let d = 0; d < documents.length; d++) {
    tokens[at++] = bos;
    at = tokenizer.encodeInto(documents[d], tokens, at);
    tokens[at++] = bos;
    offsets[d + 1] = at;
  }
  return { count: documents.length, tokens: at === room ? tokens : tokens.slice(0, at), offsets };
}

/** The documents that `order` numbers, in that order. */
export function reorderDocuments(
  { tokens, offsets }: TokenizedDocuments,
  order: Uint32Array,
): TokenizedDocuments {
  const ends = new Uint32Array(order.length + 1);
  order.forEach((d, i) => (ends[i + 1] = ends[i] + offsets[d + 1] - offsets[d]));
  const ordered = new Uint32Array(ends[order.length]);
  order.forEach((d, i) => ordered.set(tokens.subarray(offsets[d], offsets[d + 1]), ends[i]));
  return { count: order.length, tokens: ordered, offsets: ends };
}

/** Token id of each code point up to the highest in `chars`, -1 where there is none. */
function idsByCodePoint(chars: readonly string[]): Int32Array {
  const codes = chars.map((char) => char.codePointAt(0) ?? -1);
  const ids = new Int32Array(codes.reduce((a, b) => Math.max(a, b), -1) + 1).fill(-1);
  for (const [id, char] of chars.entries()) {
    const code = codes[id];
    if (code < 0 || char.length !== (code > 0xffff ? 2 : 1) || ids[code] >= 0) {
      throw new DataError(
        `vocabulary: expected distinct single characters, got ${JSON.stringify(char)} as entry ${id}.`,
      );
    }
    ids[code] = id;
  }
  return ids;
}

const SHOWN = 40; // characters of a text or vocabulary in an error

function unknownCharacters(text: string, chars: readonly string[]): DataError {
  const unknown = [...new Set(text)].filter((char) => !chars.includes(char));
  const named = unknown.slice(0, 8).map((char) => `${JSON.stringify(char)} (U+${hex(char)})`);
  const more = unknown.length > 8 ? ` and ${unknown.length - 8} more` : '';
  return new DataError(
    `${JSON.stringify(shorten(text))}: unknown character${unknown.length > 1 ? 's' : ''} ${named.join(', ')}${more}. ` +
      `Expected characters of the training text: ${JSON.stringify(shorten(chars.join('')))}.`,
  );
}

function shorten(text: string): string {
  const chars = [...text];
  return chars.length > SHOWN ? `${chars.slice(0, SHOWN).join('')}…` : text;
}

function hex(char: string): string {
  return char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
}
