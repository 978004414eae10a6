// Planted subjects on a clock that only they move.

import { describe, expect, test } from 'vitest';
import { Session } from '../../../src/report/measure/session.ts';
import { ratioOfMedians } from '../../../src/report/measure/statistics.ts';
import { timeInTurns, type Subject } from '../../../src/report/measure/subjects.ts';
import { PythonRandom } from '../../../src/util/python-random.ts';
import { PlantedClock } from '../../support/planted-clock.ts';

function sessionOn(clock: PlantedClock, time = 1e9, signal?: AbortSignal): Session {
  return new Session({ clock: clock.now, random: new PythonRandom(3), seed: 3, time, signal });
}

/** Takes `microseconds` a step, give or take. */
function subject(clock: PlantedClock, name: string, microseconds: number): Subject {
  return {
    name,
    async run(steps) {
      clock.pass(steps * microseconds);
    },
  };
}

describe('a part of a session', () => {
  test('ends with the whole, unless it is promised more, and with that too when it is stopped', () => {
    const clock = new PlantedClock(0);
    const controller = new AbortController();
    const session = sessionOn(clock, 100, controller.signal);
    clock.pass(80);
    expect(session.part(30).left).toBe(20);
    expect(session.part(5).left).toBe(5);
    expect(session.part(30, 50).left).toBe(50);
    clock.pass(40);
    const promised = session.part(30, 50);
    expect([session.over, promised.over]).toEqual([true, false]);
    controller.abort();
    expect(promised.over).toBe(true);
  });
});

const OPTIONS = { sample: 1000, least: 15, most: 15 };

describe('timeInTurns', () => {
  test('finds the time of a step, in samples that are long enough', async () => {
    const clock = new PlantedClock(0.05);
    const subjects = [subject(clock, 'fast', 2), subject(clock, 'slow', 3000)];
    const [fast, slow] = await timeInTurns(subjects, sessionOn(clock), OPTIONS);
    expect(ratioOfMedians(fast.samples, [2], 0).value).toBeCloseTo(1, 1);
    expect(ratioOfMedians(slow.samples, [3000], 0).value).toBeCloseTo(1, 1);
    expect(fast.steps * 2).toBeGreaterThan(900);
    expect(slow.steps).toBe(1);
    expect(fast.samples).toHaveLength(15);
  });

  test('a pair of the same shows no difference, and one slowed by a tenth is seen', async () => {
    let same = 0;
    let slower = 0;
    for (let trial = 0; trial < 20; trial++) {
      const clock = new PlantedClock(0.05, trial);
      const subjects = [10, 10, 11].map((time, i) => subject(clock, String(i), time));
      const [a, b, c] = await timeInTurns(subjects, sessionOn(clock), OPTIONS);
      const control = ratioOfMedians(b.samples, a.samples, trial, { paired: true });
      if (control.low <= 1 && 1 <= control.high) same++;
      if (ratioOfMedians(c.samples, a.samples, trial, { paired: true }).low > 1) slower++;
    }
    expect(same).toBeGreaterThanOrEqual(17);
    expect(slower).toBeGreaterThanOrEqual(17);
  });

  test('makes no more steps than are needed where its own clock ticks seldom', async () => {
    const clock = new PlantedClock(0);
    let most = 0;
    const coarse: Subject = {
      name: 'a GPU in a browser',
      async run(steps) {
        most = Math.max(most, steps);
        clock.pass(steps + 300); // the way there and back, which its clock does not see
        return Math.floor(steps / 100) * 100;
      },
    };
    const [{ samples }] = await timeInTurns([coarse], sessionOn(clock), { ...OPTIONS, sample: 500 });
    expect(most).toBeLessThan(16 * 500);
    for (const sample of samples) expect(Math.abs(sample - 1)).toBeLessThan(0.2);
  });

  test('goes by turns in random order, and prepares off the clock', async () => {
    const clock = new PlantedClock(0);
    const turns: string[] = [];
    const subjects = ['a', 'b', 'c'].map((name) => ({
      ...subject(clock, name, 2000),
      async prepare() {
        turns.push(name);
        clock.pass(1e5);
      },
    }));
    const timed = await timeInTurns(subjects, sessionOn(clock), OPTIONS);
    const rounds = turns.slice(-45);
    for (let r = 0; r < 45; r += 3) expect(rounds.slice(r, r + 3).sort()).toEqual(['a', 'b', 'c']);
    expect(new Set(Array.from({ length: 15 }, (_, r) => rounds[3 * r])).size).toBe(3);
    for (const { samples } of timed) for (const sample of samples) expect(sample).toBeCloseTo(2000, 6);
  });

  test('warms up until a step is no longer getting faster', async () => {
    const clock = new PlantedClock(0);
    let runs = 0;
    const warming: Subject = {
      name: 'compiling',
      async run(steps) {
        clock.pass(steps * (runs++ < 6 ? 5000 - 700 * runs : 1000));
      },
    };
    const [{ samples }] = await timeInTurns([warming], sessionOn(clock), OPTIONS);
    for (const sample of samples) expect(sample).toBeCloseTo(1000, 6);
  });

  test('ends in time but not before the least number of rounds, and when it is stopped at once', async () => {
    const clock = new PlantedClock(0);
    const slow = [subject(clock, 'slow', 1e6)];
    const [late] = await timeInTurns(slow, sessionOn(clock, 1e6), { ...OPTIONS, least: 3 });
    expect(late.samples).toHaveLength(3);
    const [full] = await timeInTurns(slow, sessionOn(clock, 20e6), { ...OPTIONS, least: 3 });
    expect(full.samples.length).toBeGreaterThan(3);
    expect(full.samples.length).toBeLessThan(15);
    const [none] = await timeInTurns(slow, sessionOn(clock, 1e9, AbortSignal.abort()), OPTIONS);
    expect(none.samples).toEqual([]);
  });
});
