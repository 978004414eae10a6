import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDocuments } from '../../src/data/documents.ts';
import { DataError } from '../../src/util/errors.ts';

const encoder = new TextEncoder();

function read(text: string): string[] {
  return readDocuments(encoder.encode(text), 'test.txt');
}

function messageFor(bytes: Uint8Array | readonly number[]): string {
  try {
    readDocuments(Uint8Array.from(bytes), 'test.txt');
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    return (error as DataError).message;
  }
  return 'no error';
}

// `[c for c in range(0x110000) if chr(c).isspace()]` in Python 3.11.
const PYTHON_SPACE = [
  0x9, 0xa, 0xb, 0xc, 0xd, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x85, 0xa0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003,
  0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000,
];

describe('readDocuments reads what Python reads', () => {
  it.each<[what: string, text: string, documents: string[]]>([
    ['the three ends of a line', 'a\nb\r\nc\rd', ['a', 'b', 'c', 'd']],
    ['blank lines', '\n\r\r\n\n a \n\r \t\r\nb\n\n', ['a', 'b']],
    [
      'no other end of a line',
      'a\vb\fc\x1cd\x1de\x1ef\x85g\u2028h\u2029i',
      ['a\vb\fc\x1cd\x1de\x1ef\x85g\u2028h\u2029i'],
    ],
    ['white space inside a line', '  a \t b  ', ['a \t b']],
    ['white space that JavaScript does not trim', '\x1c\x1d\x1e\x1f\x85a\x85\x1f\x1e\x1d\x1c', ['a']],
    ['a byte order mark as a character', '\ufeffa\nb\ufeff\n\ufeff', ['\ufeffa', 'b\ufeff', '\ufeff']],
    [
      'what only looks like white space',
      '\u200b\n\u180e\n\u2060\n\0\n\x7f',
      ['\u200b', '\u180e', '\u2060', '\0', '\x7f'],
    ],
    ['characters beyond U+FFFF', '😀\u3000\n\u{10ffff}a', ['😀', '\u{10ffff}a']],
    ['composed and combining characters', 'é\ne\u0301', ['é', 'e\u0301']],
  ])('%s', (_, text, documents) => {
    expect(read(text)).toEqual(documents);
  });

  it('every code point at the end of a line', () => {
    const codes = Array.from({ length: 0x110000 }, (_, code) => code).filter((c) => c < 0xd800 || c > 0xdfff);
    const documents = read(codes.map((code) => `x${String.fromCodePoint(code)}\n`).join(''));
    expect(documents.length).toBe(codes.length);
    expect(codes.filter((_, i) => documents[i] === 'x')).toEqual(PYTHON_SPACE);
    expect(codes.every((code, i) => ['x', `x${String.fromCodePoint(code)}`].includes(documents[i]))).toBe(
      true,
    );
  });

  it('any documents, whatever separates and surrounds them', () => {
    const space = fc.constantFrom(...PYTHON_SPACE.map((code) => String.fromCodePoint(code)), '');
    const blank = fc.array(space, { maxLength: 3 }).map((parts) => parts.join(''));
    const end = fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\r\r');
    const letter = fc.constantFrom('a', 'é', '世', '😀', '\ufeff', '\u200b', '\0');
    const inner = fc.oneof(letter, fc.constantFrom(' ', '\t', '\x1c', '\u2028'));
    const document = fc
      .tuple(letter, fc.array(inner, { maxLength: 5 }), letter)
      .map(([first, middle, last]) => first + middle.join('') + last);
    fc.assert(
      fc.property(fc.array(fc.tuple(blank, document, blank, end), { minLength: 1 }), (lines) => {
        expect(read(lines.map((line) => line.join('')).join(''))).toEqual(lines.map((line) => line[1]));
      }),
    );
  });
});

describe('readDocuments refuses', () => {
  it('an empty file', () => {
    expect(messageFor([])).toBe('test.txt: it is empty. Expected UTF-8 text with one document on each line.');
  });

  it('a file of blank lines', () => {
    expect(messageFor(encoder.encode(' \n\r\n\t\x85\u3000'))).toBe(
      'test.txt: only blank lines. Expected UTF-8 text with one document on each line.',
    );
  });

  // Offsets: `start` of Python's UnicodeDecodeError.
  it.each<[what: string, bytes: number[], byte: string, offset: number]>([
    ['a stray byte', [0x61, 0x0a, 0xff, 0x61], '0xff', 2],
    ['a PNG', [0x89, 0x50, 0x4e, 0x47], '0x89', 0],
    ['Latin-1', [0x4a, 0x6f, 0x73, 0xe9, 0x0a], '0xe9', 3],
    ['UTF-16', [0xff, 0xfe, 0x61, 0x00], '0xff', 0],
    ['a lone continuation byte', [0xc3, 0xa9, 0x80], '0x80', 2],
    ['over-long forms of 2', [0xc1, 0xbf], '0xc1', 0],
    ['over-long forms of 3', [0x61, 0xe0, 0x9f, 0xbf], '0xe0', 1],
    ['over-long forms of 4', [0x61, 0xf0, 0x8f, 0xbf, 0xbf], '0xf0', 1],
    ['a surrogate', [0xed, 0x9f, 0xbf, 0xed, 0xa0, 0x80], '0xed', 3],
    ['beyond U+10FFFF', [0xf4, 0x8f, 0xbf, 0xbf, 0xf4, 0x90, 0x80, 0x80], '0xf4', 4],
    ['a lead byte that never is', [0xf5, 0x80, 0x80, 0x80], '0xf5', 0],
    ['a character cut short by the end', [0x61, 0xf0, 0x9f, 0x98], '0xf0', 1],
    ['a character cut short by a letter', [0xe4, 0xb8, 0x61], '0xe4', 0],
  ])('%s, with the offset', (_, bytes, byte, offset) => {
    expect(messageFor(bytes)).toBe(
      `test.txt: not UTF-8 text: byte ${byte} at offset ${offset} does not fit. ` +
        'If it is a binary file, choose a text file; if it is text in another encoding, convert it to UTF-8.',
    );
  });

  it('valid UTF-8 with one byte changed, exactly where it stops being valid', () => {
    const valid = fc.string({ unit: 'binary', minLength: 1 }).map((text) => encoder.encode(`x${text}`));
    fc.assert(
      fc.property(valid, fc.nat(), fc.integer({ min: 0x80, max: 0xff }), (bytes, where, value) => {
        const damaged = Uint8Array.from(bytes);
        damaged[where % damaged.length] = value;
        const offset = Number(/offset (\d+)/.exec(messageFor(damaged))?.[1] ?? damaged.length);
        const decode = (part: Uint8Array) => new TextDecoder('utf-8', { fatal: true }).decode(part);
        expect(() => decode(damaged.subarray(0, offset))).not.toThrow();
        // From there on even the longest character, 4 bytes, cannot be completed.
        for (let end = offset + 1; end <= Math.min(offset + 4, damaged.length); end++) {
          expect(() => decode(damaged.subarray(0, end))).toThrow(TypeError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
