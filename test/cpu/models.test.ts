// Several models on the CPU, in workers; what else must hold of them is in engine.test.ts.

import { describe, expect, it, onTestFinished } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import { canShareMemory, startWorkers } from '../../src/cpu/workers.ts';
import { DeviceError } from '../../src/util/errors.ts';
import { severalOf } from '../engines/several.cases.ts';

describe.skipIf(!canShareMemory())('several models on workers', () => {
  const startedWorkers = (count: number) => {
    const workers = startWorkers(count);
    onTestFinished(() => workers.forEach((worker) => worker.end()));
    return workers;
  };

  it('gives the same bits with any number of them', async () => {
    const all = severalOf(4);
    const alone = createCpuEngine(all);
    const expected = [
      await alone.advance(3),
      await alone.state(),
      await alone.advance(27),
      await alone.state(),
    ];
    for (const count of [1, 3, 6]) {
      const workers = startedWorkers(count);
      for (let again = 0; again < 2; again++) {
        const engine = createCpuEngine(all, { workers });
        expect(engine.info).toEqual(alone.info);
        const got = [engine.advance(3), engine.state(), engine.advance(27), engine.state()];
        expect(await Promise.all(got)).toEqual(expected);
        engine.dispose(); // the workers stay, for the next one
      }
    }
  });

  it('trains in them, and not in this thread', async () => {
    const workers = startedWorkers(2);
    const engine = createCpuEngine(severalOf(2), { workers });
    await engine.advance(1);
    workers[1].end();
    await expect(engine.advance(1)).rejects.toThrow('cpu: worker thread 2: it was ended');
    await expect(engine.advance(1)).rejects.toThrow(DeviceError);
  });
});
