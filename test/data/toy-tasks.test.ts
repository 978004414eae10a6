import { describe, expect, it } from 'vitest';
import { TOY_DOCUMENTS, TOY_NAMES, TOY_TASKS, toyDocuments } from '../../src/data/toy-tasks.ts';
import { DEFAULT_MODEL } from '../../src/config/config.ts';

describe.each(TOY_NAMES)('the task %s', (task) => {
  const documents = toyDocuments(task);
  const { isRight } = TOY_TASKS[task];

  it('makes the same right documents every time', () => {
    expect(documents).toHaveLength(TOY_DOCUMENTS);
    expect(documents).toEqual(toyDocuments(task));
    expect(documents.filter((document) => !isRight(document))).toEqual([]);
    expect(new Set(documents).size).toBeGreaterThan(50);
  });

  it('fits the context of microgpt.py, its end included', () => {
    const longest = Math.max(...documents.map(({ length }) => length));
    expect(longest).toBeLessThan(DEFAULT_MODEL.blockSize);
  });

  it('sees what is wrong', () => {
    const changed = documents.filter((document) => document.length > 1).map((document) => document.slice(1));
    expect(changed.filter(isRight).length).toBeLessThan(changed.length / 5);
    expect(isRight('')).toBe(false);
  });
});

it.each([
  ['reverse', 'abca>acba', 'abca>acbb'],
  ['sort', 'dbca>abcd', 'dbca>abdc'],
  ['add', '27+5=32', '27+5=33'],
  ['add', '99+99=198', '=0'],
  ['count', 'aaaaa=5', 'aaaab=5'],
  ['palindrome', 'abcba', 'abcda'],
] as const)('%s: %s is right and %s is wrong', (task, right, wrong) => {
  expect([TOY_TASKS[task].isRight(right), TOY_TASKS[task].isRight(wrong)]).toEqual([true, false]);
});
