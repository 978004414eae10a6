import { describe, expect, it } from 'vitest';
import {
  checkAdvance,
  checkDocuments,
  checkNotDisposed,
  checkParameterCount,
  checkState,
  checkTokens,
} from '../../src/util/engine-checks.ts';
import { ConfigError } from '../../src/util/errors.ts';

const documents = (tokens: number[], offsets: number[]) => ({
  count: offsets.length - 1,
  tokens: Uint32Array.from(tokens),
  offsets: Uint32Array.from(offsets),
});

describe('what can work passes', () => {
  it.each<[string, () => void]>([
    ['the last step', () => checkAdvance(1, 9, 10)],
    ['a whole run', () => checkAdvance(10, 0, 10)],
    ['tokens that fill the block', () => checkTokens([0, 26, 3], 1, 4, 27)],
    ['a state', () => checkState({ step: 0, parameters: [1, 2], m: [0, 0], v: [0, 0] }, 2)],
    ['as many parameters as expected', () => checkParameterCount('parameters', 2, 2)],
    ['documents, the shortest of two tokens', () => checkDocuments(documents([2, 2, 2, 0, 2], [0, 2, 5]), 3)],
    ['an engine in use', () => checkNotDisposed(false)],
  ])('%s', (_, check) => {
    expect(check).not.toThrow();
  });
});

describe('what cannot is a ConfigError that says what was expected and what came', () => {
  it.each<[string, () => void, RegExp]>([
    ['no step', () => checkAdvance(0, 0, 10), /at least 1, got 0\./],
    ['half a step', () => checkAdvance(0.5, 0, 10), /got 0\.5\./],
    ['NaN steps', () => checkAdvance(NaN, 0, 10), /got NaN\./],
    ['steps beyond the run', () => checkAdvance(3, 8, 10), /3 steps after step 8 .* 10 steps.* at most 2,/],
    ['a step after a run that is over', () => checkAdvance(1, 12, 10), /at most 0,/],
    ['no tokens', () => checkTokens([], 0, 4, 27), /at least one/],
    ['tokens beyond the block', () => checkTokens([0, 1], 3, 4, 27), /2 at position 3 .* block_size 4/],
    ['a token beyond the vocabulary', () => checkTokens([0, 27], 0, 4, 27), /0 to 26, got 27 at index 1/],
    ['a negative token', () => checkTokens([-1], 0, 4, 27), /got -1 at index 0/],
    ['a token that is no number', () => checkTokens([NaN], 0, 4, 27), /got NaN at index 0/],
    [
      'a broken step',
      () => checkState({ step: 1.5, parameters: [1], m: [1], v: [1] }, 1),
      /step of at least 0, got 1\.5/,
    ],
    [
      'moments of another model',
      () => checkState({ step: 1, parameters: [1], m: [1], v: [1, 2] }, 1),
      /state\.v: expected 1 numbers, one per parameter, got 2/,
    ],
    ['too few parameters', () => checkParameterCount('parameters', 1, 2), /expected 2 numbers.* got 1/],
    ['no documents', () => checkDocuments(documents([], [0]), 3), /at least one/],
    ['offsets that end early', () => checkDocuments(documents([2, 0, 2], [0, 2]), 3), /offsets/],
    ['a document of one token', () => checkDocuments(documents([2, 2, 2], [0, 2, 3]), 3), /document 1\./],
    ['a token the model lacks', () => checkDocuments(documents([2, 3, 2], [0, 3]), 3), /got 3 at index 1/],
    ['a disposed engine', () => checkNotDisposed(true), /dispose/],
  ])('%s', (_, check, message) => {
    expect(check).toThrow(ConfigError);
    expect(check).toThrow(message);
  });
});
