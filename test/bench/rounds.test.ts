import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Failures, runRounds } from '../../bench/support/rounds.ts';

describe('rounds of a bench', () => {
  let lines: string[];
  let status: typeof process.exitCode;

  beforeEach(() => {
    lines = [];
    status = process.exitCode;
    vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  });
  afterEach(() => {
    vi.restoreAllMocks();
    process.exitCode = status;
  });

  it('go on without a contestant that fails, which has a line of its own', async () => {
    const failures = new Failures();
    let calls = 0;
    const steady = (name: string, figure: number) => ({ name, round: async () => figure });
    const failing = {
      name: 'failing',
      round: async () => {
        if (++calls === 2) throw new Error('loss of step 3 is 26, expected 25.');
        return 7;
      },
    };
    const timings = await runRounds([steady('a', 1), failing, steady('b', 2)], 3, 1, failures);
    expect(timings).toEqual([
      { index: 0, name: 'a', median: 1, mad: 0, rounds: [1, 1, 1] },
      { index: 2, name: 'b', median: 2, mad: 0, rounds: [2, 2, 2] },
    ]);
    expect(lines).toEqual([
      '  round 1 of 3: a 1.00, failing 7.00, b 2.00',
      '  failing          FAILED: loss of step 3 is 26, expected 25.',
      '  round 2 of 3: a 1.00, b 2.00',
      '  round 3 of 3: a 1.00, b 2.00',
    ]);
    expect(failures.reasons).toEqual({ failing: 'loss of step 3 is 26, expected 25.' });
    expect(process.exitCode).toBe(1);
  });

  it('end where all have failed', async () => {
    const failures = new Failures();
    const failing = { name: 'failing', round: () => Promise.reject(new Error('no')) };
    expect(await runRounds([failing], 1000, 1, failures)).toEqual([]);
    expect(await failures.guard('other', () => 5)).toBe(5);
    expect(failures.reasons).toEqual({ failing: 'no' });
  });
});
