import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTokenizer, tokenizeDocuments, tokenizerFromChars } from '../../src/data/tokenizer.ts';
import { DataError } from '../../src/util/errors.ts';

const documentsOf = (unit: 'grapheme' | 'binary') =>
  fc.array(fc.string({ unit }), { minLength: 1, maxLength: 20 });

describe('createTokenizer', () => {
  it('gives one token per character in code point order, and BOS last', () => {
    const tokenizer = createTokenizer(['cab', 'bad']);
    expect(tokenizer.chars).toEqual(['a', 'b', 'c', 'd']);
    expect(tokenizer.bos).toBe(4);
    expect(tokenizer.vocabSize).toBe(5);
    expect(tokenizer.encode('dacb')).toEqual([3, 0, 2, 1]);
  });

  it('sorts characters beyond U+FFFF after all others, as Python does', () => {
    // In UTF-16 units 😀 (0xd83d …) would come before U+FEFF and ｚ (U+FF5A).
    const { chars } = createTokenizer(['😀ｚ\ufeffz', '𐍈é']);
    expect(chars).toEqual(['z', 'é', '\ufeff', 'ｚ', '𐍈', '😀']);
  });

  it('gives any text a sorted vocabulary of its own characters', () => {
    fc.assert(
      fc.property(documentsOf('binary'), (documents) => {
        const { chars } = createTokenizer(documents);
        expect(new Set(chars)).toEqual(new Set(documents.join('')));
        const codes = chars.map((char) => char.codePointAt(0)!);
        expect(codes).toEqual([...new Set(codes)].sort((a, b) => a - b));
      }),
    );
  });
});

describe('encode and decode', () => {
  it('are inverse', () => {
    fc.assert(
      fc.property(documentsOf('binary'), (documents) => {
        const tokenizer = createTokenizer(documents);
        for (const document of documents) {
          const ids = tokenizer.encode(document);
          expect(ids.length).toBe([...document].length);
          expect(ids.every((id) => id >= 0 && id < tokenizer.bos)).toBe(true);
          expect(tokenizer.decode([tokenizer.bos, ...ids, tokenizer.bos])).toBe(document);
        }
      }),
    );
  });

  it('names unknown characters', () => {
    const tokenizer = createTokenizer(['abc']);
    expect(() => tokenizer.encode('Ab😀b\u0007A')).toThrow(
      new DataError(
        '"Ab😀b\\u0007A": unknown characters "A" (U+0041), "😀" (U+1F600), "\\u0007" (U+0007). ' +
          'Expected characters of the training text: "abc".',
      ),
    );
    expect(() => tokenizer.encode('d')).toThrow(DataError);
    expect(() => tokenizer.encode('d')).toThrow('"d": unknown character "d" (U+0064). Expected');
  });

  it('keeps the message short', () => {
    const long = Array.from({ length: 500 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join('');
    const message = () =>
      createTokenizer([long.replaceAll('一', '')]).encode(long.toLowerCase().repeat(9) + 'XYZ');
    expect(message).toThrow(/unknown characters "一" \(U\+4E00\), "X" .*Expected characters.*…"\.$/);
    expect(message).not.toThrow(/.{300}/);
    expect(() => createTokenizer(['a']).encode('bcdefghijklm')).toThrow('"i" (U+0069) and 4 more.');
  });

  it.each([-1, 4, 1.5, NaN])('refuse the id %s', (id) => {
    const tokenizer = createTokenizer(['abc']);
    expect(() => tokenizer.decode([0, id])).toThrow(DataError);
    expect(() => tokenizer.decode([0, id])).toThrow(`token ${id}: expected a whole number from 0 to 3`);
  });
});

describe('tokenizerFromChars', () => {
  it('restores a saved tokenizer', () => {
    fc.assert(
      fc.property(documentsOf('grapheme'), (documents) => {
        const tokenizer = createTokenizer(documents);
        const saved = JSON.parse(JSON.stringify(tokenizer.chars)) as string[];
        const restored = tokenizerFromChars(saved);
        expect(restored.chars).toEqual(tokenizer.chars);
        expect([restored.bos, restored.vocabSize]).toEqual([tokenizer.bos, tokenizer.vocabSize]);
        for (const document of documents)
          expect(restored.encode(document)).toEqual(tokenizer.encode(document));
      }),
    );
  });

  it('does not change with the array it was made from', () => {
    const chars = ['a', 'b'];
    const tokenizer = tokenizerFromChars(chars);
    chars[0] = 'z';
    expect(tokenizer.chars).toEqual(['a', 'b']);
    expect(tokenizer.decode(tokenizer.encode('ab'))).toBe('ab');
  });

  it.each([
    ['twice the same', ['a', 'b', 'a'], '"a" as entry 2'],
    ['an empty string', ['a', ''], '"" as entry 1'],
    ['two characters', ['ab'], '"ab" as entry 0'],
    ['two characters beyond U+FFFF', ['😀😀'], '"😀😀" as entry 0'],
  ])('refuses %s', (_, chars, message) => {
    expect(() => tokenizerFromChars(chars)).toThrow(DataError);
    expect(() => tokenizerFromChars(chars)).toThrow(message);
  });
});

describe('tokenizeDocuments', () => {
  it('puts BOS on both sides of every document', () => {
    const documents = ['b', '', '😀ab'];
    const { count, tokens, offsets } = tokenizeDocuments(createTokenizer(documents), documents);
    expect(count).toBe(3);
    expect([...tokens]).toEqual([3, 1, 3, 3, 3, 3, 2, 0, 1, 3]);
    expect([...offsets]).toEqual([0, 3, 5, 10]);
  });

  it('loses nothing', () => {
    fc.assert(
      fc.property(documentsOf('binary'), (documents) => {
        const tokenizer = createTokenizer(documents);
        const { count, tokens, offsets } = tokenizeDocuments(tokenizer, documents);
        expect(offsets.length).toBe(count + 1);
        expect(offsets[count]).toBe(tokens.length);
        for (let d = 0; d < count; d++) {
          const ids = [...tokens.subarray(offsets[d], offsets[d + 1])];
          expect(ids).toEqual([tokenizer.bos, ...tokenizer.encode(documents[d]), tokenizer.bos]);
        }
      }),
    );
  });

  it('names a character that the tokenizer lacks', () => {
    expect(() => tokenizeDocuments(createTokenizer(['ab']), ['ab', 'abc'])).toThrow(
      new DataError('"abc": unknown character "c" (U+0063). Expected characters of the training text: "ab".'),
    );
  });
});
