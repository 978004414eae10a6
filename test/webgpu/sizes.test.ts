import { expect, test } from 'vitest';
import { countParameters } from '../../src/model/parameters.ts';
import { DeviceError } from '../../src/util/errors.ts';
import { createWebGpuEngine } from '../../src/webgpu/engine.ts';
import { deviceForTest, noAdapter } from '../support/device.ts';
import { MODEL, sizeCases, specOf } from './sizes.cases.ts';

sizeCases([
  ['12 layers', specOf({ ...MODEL, nLayer: 12, nEmbd: 36, nHead: 3 }, 1, 9)],
  ['192 wide, one head', specOf({ ...MODEL, nEmbd: 192, nHead: 1 }, 1, 6)],
  ['a context of 160, heads of 8', specOf({ ...MODEL, nHead: 2, blockSize: 160 }, 2, [141, 97, 50])],
  ['a batch of 64', specOf(MODEL, 64, 9)],
  // Its gradient takes the rows in order; ids come and go from step to step.
  ['a vocabulary of 1,000, 512 rows', specOf({ ...MODEL, vocabSize: 1000 }, 64, [9, 5, 7])],
]);

test.skipIf(noAdapter !== '')(
  'a model beyond a limit is refused with the tensor, its size and the limit',
  async () => {
    const gpu = await deviceForTest();
    const large = { ...MODEL, nEmbd: 64, blockSize: 16, vocabSize: 600_000 };
    const spec = {
      ...specOf(MODEL, 1, 8),
      model: large,
      parameters: new Float32Array(countParameters(large)),
    };
    await expect(createWebGpuEngine(spec, { gpu })).rejects.toThrow(DeviceError);
    await expect(createWebGpuEngine(spec, { gpu })).rejects.toThrow(
      /needs \d+\.\d MiB in one buffer.*(maxBufferSize|maxStorageBufferBindingSize)/,
    );
  },
);
