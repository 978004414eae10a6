// What programs lowered from a plan look like: where threads meet, what shares memory, and what decoding keeps in its table.

import { describe, expect, test } from 'vitest';
import { LoweringError, Axis } from '../../src/cpu/axes.ts';
import { Buffer, sharePlaces, withMeetings } from '../../src/cpu/instructions.ts';
import type { Instruction } from '../../src/cpu/instructions.ts';
import { decodePrograms, stepPrograms } from '../../src/cpu/programs.ts';
import { Weights } from '../../src/cpu/weights.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { decodePlan, trainingPlan } from '../../src/model/plans.ts';
import { parameterLayout } from '../../src/model/parameters.ts';
import { softmaxLossRule } from '../../src/ops/softmax-loss.ts';

function programsOf(nLayer: number, clip = 0) {
  const model = { ...DEFAULT_MODEL, nLayer, vocabSize: 27 };
  const layout = parameterLayout(model);
  const training = { ...DEFAULT_TRAINING, clip };
  const plan = trainingPlan(model, training, layout, { length: 100, documents: 9 }, [softmaxLossRule]);
  const planOfDecoding = decodePlan(model, layout);
  const weights = new Weights(layout, [plan, planOfDecoding]);
  const buffer = () => new Buffer(64);
  const given = {
    tokens: buffer(),
    targets: buffer(),
    positions: buffer(),
    weights: buffer(),
    losses: buffer(),
  };
  const sums = { squares: buffer(), losses: buffer() };
  const step = stepPrograms(plan, weights, given, { rows: 16, pairs: 1024 }, sums);
  return { step, decode: decodePrograms(planOfDecoding, weights, { token: buffer(), position: buffer() }) };
}

const codes = (program: readonly Instruction[] = []) => program.map(({ code }) => code);
const count = (program: readonly Instruction[], code: string) =>
  codes(program).filter((c) => c === code).length;

describe('a step', () => {
  test.each([1, 3])('of %d layers meets twice, clipped twice more', (nLayer) => {
    expect(count(programsOf(nLayer).step.step, 'meet')).toBe(2);
    expect(count(programsOf(nLayer, 1).step.step, 'meet')).toBe(4);
  });

  test('has one product for q, k and v, and what follows a product in it', () => {
    const { step } = programsOf(1).step;
    const expected = `batch gather gather norm norm product attention product norm product product product crossEntropy
      product product product normGrad product attention product normGrad normGrad again
      meet share weight weight weight weight weight scatter table scatter table loss meet`;
    expect(codes(step)).toEqual(expected.split(/\s+/));
    expect(codes(programsOf(1).step.loss).slice(-3)).toEqual(['crossEntropy', 'again', 'loss']);
  });
});

test('decoding keeps what only the token and its position decide; keys and values of one layer are among it', () => {
  const { decode } = programsOf(1);
  expect(codes(decode.prefix)).toEqual(['gather', 'gather', 'norm', 'norm', 'rowProduct']);
  expect(codes(decode.cache)).toEqual(['remember']);
  expect(decode.between).toHaveLength(2);
  expect(programsOf(2).decode.cache).toBeUndefined();
});

describe('instructions', () => {
  const [a, b, c] = [0, 1, 2].map(() => new Buffer(64, 'rows'));
  const use = (reads: Buffer[], writes: Buffer[], shared?: string): Instruction => ({
    code: 'elements',
    words: [],
    also: [
      ...reads.map((buffer) => ({ buffer, offset: 0, use: 'read', spent: true }) as const),
      ...writes.map((buffer) => ({ buffer, offset: 0, use: 'write' }) as const),
    ],
    ...(shared !== undefined && { shared }),
  });
  const meetings = (...program: Instruction[]) => count(withMeetings(program), 'meet');

  test('need a meeting where one thread reads or overwrites what is another one’s', () => {
    expect(meetings(use([a], [b]), use([b], [c]))).toBe(1); // its own rows; the meeting is at the end
    expect(meetings(use([a], [b]), use([b], [c], 'columns'))).toBe(2);
    expect(meetings(use([a], [b]), use([a], [c], 'columns'))).toBe(1); // both only read
    expect(meetings(use([a], [b]), use([c], [a], 'columns'))).toBe(2);
    expect(meetings(use([a], [b], 'columns'), use([b], [b], 'columns'))).toBe(1);
    expect(meetings(use([a], [b], 'columns'), use([b], [c], 'rows'))).toBe(2);
  });

  test('share places that are not needed at the same time', () => {
    const hosts = sharePlaces([use([], [a]), use([a], [b]), use([b], [c])], new Set());
    expect(new Set(hosts.values()).size).toBe(1);
    const both = sharePlaces([use([], [a]), use([a], [b]), use([a, b], [c])], new Set());
    expect(both.get(b)).not.toBe(both.get(a));
  });
});

test('heads of two widths do not fit into one axis', () => {
  const axis = new Axis(12);
  axis.heads = 2;
  expect(axis.padded).toBe(16);
  expect([0, 5, 6, 11].map((channel) => axis.place(channel))).toEqual([0, 5, 8, 13]);
  axis.expectHeads(2);
  expect(() => axis.expectHeads(3)).toThrow(LoweringError);
});
