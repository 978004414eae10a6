// One writer a run, over all tabs of the browser: a lock that ends with the worker that holds it.

const PREFIX = 'microgpt run ';

/** A worker that was ended a moment ago may hold its lock a moment longer: so often, and so long, it is tried again. */
const TRIES = 8;
const WAIT = 60;

/** Takes the lock of a run. Gives what releases it, or undefined where another worker has it. */
export async function lockRun(id: string): Promise<(() => void) | undefined> {
  for (let i = 1; ; i++) {
    const release = await tryLock(PREFIX + id);
    if (release !== undefined || i === TRIES) return release;
    await new Promise((resolve) => setTimeout(resolve, WAIT));
  }
}

function tryLock(name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(name, { ifAvailable: true }, (lock) => {
        if (lock === null) {
          resolve(undefined);
          return undefined;
        }
        return new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
}

/** The runs whose locks are held, in any tab. */
export async function lockedRuns(): Promise<ReadonlySet<string>> {
  const { held = [] } = await navigator.locks.query();
  return new Set(
    held
      .map(({ name = '' }) => name)
      .filter((name) => name.startsWith(PREFIX))
      .map((name) => name.slice(PREFIX.length)),
  );
}
