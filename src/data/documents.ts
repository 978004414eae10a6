// Bytes of a text file -> documents, one a line, exactly as microgpt.py reads them:
//
//     docs = [line.strip() for line in open('input.txt', encoding='utf-8') if line.strip()]

import { DataError } from '../util/errors.ts';

const LF = 0x0a;
const CR = 0x0d;

/**
 * The documents of a UTF-8 text. Lines end at \n, \r\n or \r and nowhere else; Python's white space
 * is cut off both ends; blank lines are dropped. A byte order mark stays a character, as in Python.
 *
 * `where` names the source in errors. Throws DataError where there is no document or the bytes are
 * not UTF-8.
 */
export function readDocuments(bytes: Uint8Array, where: string): string[] {
  const text = decodeUtf8(bytes, where);
  const documents: string[] = [];
  const end = text.length;
  let start = 0; // of the present line
  for (let i = 0; i <= end; i++) {
    if (i < end) {
      const code = text.charCodeAt(i);
      if (code !== LF && code !== CR) continue;
    }
    // The \n of a \r\n ends one more line, a blank one, which is dropped as every blank line is.
    let from = start;
    let to = i;
    while (from < to && isPythonSpace(text.charCodeAt(from))) from++;
    while (from < to && isPythonSpace(text.charCodeAt(to - 1))) to--;
    if (from < to) documents.push(text.slice(from, to));
    start = i + 1;
  }
  if (documents.length === 0) {
    throw new DataError(
      `${where}: ${bytes.length === 0 ? 'it is empty' : 'only blank lines'}. ` +
        'Expected UTF-8 text with one document on each line.',
    );
  }
  return documents;
}

/** What `str.strip()` removes: `str.isspace()`. JavaScript's trim lacks 0x1c-0x1f and 0x85 and removes U+FEFF. */
function isPythonSpace(code: number): boolean {
  if (code <= 0x20) return code === 0x20 || (code >= 0x09 && code <= 0x0d) || code >= 0x1c;
  if (code < 0x85) return false;
  if (code < 0x1680) return code === 0x85 || code === 0xa0;
  return (
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  );
}

function decodeUtf8(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const at = invalidUtf8At(bytes);
    if (at < 0) {
      // It is UTF-8, so it was too much for one string: 2^29 - 24 characters in Node and Chrome.
      throw new DataError(
        `${where}: ${Math.round(bytes.length / 2 ** 20)} MiB of text are too much for one JavaScript string. ` +
          'The limit in Node is just below 512 MiB: train on part of it.',
        { cause },
      );
    }
    const found = `0x${bytes[at].toString(16).padStart(2, '0')}`;
    throw new DataError(
      `${where}: not UTF-8 text: byte ${found} at offset ${at} does not fit. ` +
        'If it is a binary file, choose a text file; if it is text in another encoding, convert it to UTF-8.',
      { cause },
    );
  }
}

/**
 * Offset of the first byte sequence that is not UTF-8, -1 if there is none. Over-long forms,
 * surrogates and code points beyond U+10FFFF are not UTF-8 (Unicode 15, table 3-7).
 */
function invalidUtf8At(bytes: Uint8Array): number {
  let i = 0;
  while (i < bytes.length) {
    const lead = bytes[i];
    if (lead < 0x80) {
      i++;
      continue;
    }
    if (lead < 0xc2 || lead > 0xf4) return i;
    const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    // The first continuation byte has a narrower range after these four lead bytes.
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (!(bytes[i + 1] >= low && bytes[i + 1] <= high)) return i;
    for (let k = 2; k < length; k++) {
      if (!(bytes[i + k] >= 0x80 && bytes[i + k] <= 0xbf)) return i;
    }
    i += length;
  }
  return -1;
}
