import { describe, expect, it } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import { countCopies, textUse } from '../../src/data/text-use.ts';
import { createTokenizer, tokenizeDocuments, type TokenizedDocuments } from '../../src/data/tokenizer.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import type { Engine, EngineSpec } from '../../src/engine/engine.ts';
import { initParameters } from '../../src/model/parameters.ts';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import { PythonRandom } from '../../src/util/python-random.ts';

const BLOCK = 4;
const DOCUMENTS = ['a', 'abc', 'abca', 'bcabcab']; // 2, 4, 5 and 8 tokens to predict

function tokenized(documents: readonly string[]): TokenizedDocuments {
  return tokenizeDocuments(createTokenizer(documents), documents);
}

describe('textUse', () => {
  it('counts the documents that are cut, the tokens, and those within the block', () => {
    const use = { documents: 4, cut: 2, tokens: 19, used: 2 + 4 + 4 + 4, share: 14 / 19, longest: 8 };
    expect(textUse(tokenized(DOCUMENTS), BLOCK)).toEqual(use);
  });

  it('with a block of the longest document nothing is cut, and with one less something is', () => {
    const documents = tokenized(DOCUMENTS);
    const { longest } = textUse(documents, BLOCK);
    expect(textUse(documents, longest)).toMatchObject({ cut: 0, used: 19, share: 1 });
    expect(textUse(documents, longest - 1)).toMatchObject({ cut: 1, used: 18 });
  });

  it('counts characters as Python does, not UTF-16 units', () => {
    expect(textUse(tokenized(['🦊🐍🦊']), BLOCK)).toMatchObject({ cut: 0, tokens: 4 });
  });

  // Documents that differ in one token have different losses where that token is predicted or read, and the same loss where it is not.
  it.each([
    ['oracle', createOracleEngine],
    ['cpu', createCpuEngine],
  ] as const)('counts the tokens that the %s engine trains on', async (_, create) => {
    for (const [d, document] of DOCUMENTS.entries()) {
      const [loss, ...changed] = await losses(create, document);
      const used = changed.filter((other) => other !== loss).length;
      expect(used, `document ${d}`).toBe(textUse(tokenized([document]), BLOCK).used);
    }
  });
});

describe('countCopies', () => {
  it('counts samples that are a document, or as much of one as the block holds', () => {
    const documents = ['anna', 'bob', 'bobby', 'christopher', 'christine'];
    const samples = ['anna', 'an', 'bob', 'bob', 'chri', 'chris', ''];
    expect(countCopies(samples, documents, 16)).toBe(3);
    expect(countCopies(samples, documents, 4)).toBe(4);
    expect(countCopies(['🦊🐍', '🦊'], ['🦊🐍🦊'], 2)).toBe(1);
    expect(countCopies([], documents, 4)).toBe(0);
  });
});

/** Of the document, then of one for each token after its first that has another token in that place. */
async function losses(create: (spec: EngineSpec) => Engine, document: string): Promise<readonly number[]> {
  const { tokens } = tokenizeDocuments(createTokenizer(DOCUMENTS), [document]);
  const variants = [tokens];
  for (let at = 1; at < tokens.length; at++) variants.push(tokens.with(at, (tokens[at] + 1) % 3));
  const model = { ...DEFAULT_MODEL, nEmbd: 6, nHead: 2, blockSize: BLOCK, vocabSize: 4 };
  const count = variants.length;
  const engine = create({
    model,
    training: { ...DEFAULT_TRAINING, steps: count, learningRate: 0 },
    parameters: initParameters(model, new PythonRandom(1), 0.5),
    documents: {
      count,
      tokens: Uint32Array.from(variants.flatMap((variant) => [...variant])),
      offsets: Uint32Array.from({ length: count + 1 }, (_, i) => i * tokens.length),
    },
  });
  try {
    return [...(await engine.advance(count))];
  } finally {
    engine.dispose();
  }
}
