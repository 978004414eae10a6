// The JavaScript heap, measured after collecting garbage.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Engine } from '../../src/engine/engine.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

export function heapInUse(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/**
 * Growth of the heap in bytes over `steps` steps in calls of `chunk`, after `warmUp` steps: the smallest of three such
 * stretches, because the runtime's own compiling moves the heap now and then, and a leak is in every stretch. Disposes of
 * the engine.
 */
export async function heapGrowth(
  engine: Engine,
  warmUp: number,
  steps: number,
  chunk: number,
): Promise<number> {
  for (let done = 0; done < warmUp; done += chunk) await engine.advance(chunk);
  // What code was compiled to goes where it has not run for some collections: that of the engine's creation, which would hide a leak.
  for (let i = 0; i < 10; i++) collectGarbage();
  let smallest = Infinity;
  for (let stretch = 0; stretch < 3; stretch++) {
    const before = heapInUse();
    for (let done = 0; done < steps; done += chunk) await engine.advance(chunk);
    smallest = Math.min(smallest, heapInUse() - before);
  }
  engine.dispose();
  return smallest;
}
