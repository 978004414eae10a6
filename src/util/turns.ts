// Who has the thread, and for how long: calls that wait for each other, and work that is asked for piece by piece.

/**
 * Calls that share state between their awaits take turns: a function that runs work after all work it was given before, failed or
 * not. `check` may refuse, by throwing, before each.
 */
export function takeTurns(check: () => void): <T>(work: () => T | Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(() => {
      check();
      return work();
    });
    last = result.catch(() => undefined);
    return result;
  };
}

/** What is asked for at once should take so many times as long as the wait for its answer, */
const WORTH_THE_WAIT = 4;
/** but not much longer than so many milliseconds: nothing else is heard before it is answered. */
const PATIENCE = 500;

/**
 * How many steps to ask for next, `count` having taken `elapsed`, `latency` of it a wait that more steps do not make longer. Grows
 * at most eightfold over `wanted`, of which `count` may be what was left: the first steps may be timed too short by a coarse clock,
 * and a GPU's step time is not known before it has something to do.
 */
export function nextCount(
  count: number,
  elapsed: number,
  interval: number,
  wanted = count,
  latency = 0,
): number {
  const work = interval === 0 ? 0 : Math.max(interval, Math.min(WORTH_THE_WAIT * latency, PATIENCE));
  const fitting = (count * work) / Math.max(elapsed - latency, 1e-3);
  const bearable = (count * 2 * Math.max(interval, PATIENCE)) / Math.max(elapsed, 1e-3);
  return Math.max(1, Math.min(Math.floor(Math.min(fitting, bearable)), wanted * 8));
}

/** Lets timers, signals and messages be handled. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
