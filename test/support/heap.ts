// The JavaScript heap, measured after collecting garbage.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Engine } from '../../src/engine.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

export function heapInUse(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** Growth of the heap in bytes over `steps` steps in calls of `chunk`, after `warmUp` steps. Disposes of the engine. */
export async function heapGrowth(
  engine: Engine,
  warmUp: number,
  steps: number,
  chunk: number,
): Promise<number> {
  for (let done = 0; done < warmUp; done += chunk) await engine.advance(chunk);
  const before = heapInUse();
  for (let done = 0; done < steps; done += chunk) await engine.advance(chunk);
  const after = heapInUse();
  engine.dispose();
  return after - before;
}
