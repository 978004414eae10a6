// Calls that share state between their awaits take turns: one begins when those before it are done.

/** A function that runs work after all work it was given before, failed or not. `check` may refuse, by throwing, before each. */
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
