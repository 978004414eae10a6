// Does training fill the memory? The JavaScript heap before and after many steps, after a warm-up.
//
//   npm run bench -- heap [--engines cpu,webgpu] [--steps 20000]

import { parseArgs } from 'node:util';
import { createCpuEngine } from '../src/cpu/engine.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../src/config/config.ts';
import { BUILTIN_DOCUMENTS } from '../src/data/builtin-names.ts';
import { prepareRun } from '../src/train/prepare.ts';
import { adapterName, openDevice } from '../src/webgpu/adapter.ts';
import { createWebGpuEngine } from '../src/webgpu/engine.ts';
import { nodeGpu } from '../src/webgpu/node-gpu.ts';
import { heapGrowth, heapInUse } from '../test/support/heap.ts';

export async function main(args: string[]): Promise<void> {
  const options = {
    engines: { type: 'string', default: 'cpu,webgpu' },
    steps: { type: 'string', default: '20000' },
  } as const;
  const { values } = parseArgs({ args, options });
  const steps = Number(values.steps);
  const training = { ...DEFAULT_TRAINING, steps: 3 * steps + 2_000 };
  const { spec } = prepareRun({ documents: BUILTIN_DOCUMENTS, model: DEFAULT_MODEL, training });
  const results: Record<string, unknown>[] = [];
  for (const name of values.engines.split(',')) {
    const gpu = name === 'webgpu' ? await openDevice(await nodeGpu()) : undefined;
    const engine = gpu ? await createWebGpuEngine(spec, { gpu }) : createCpuEngine(spec);
    const grown = await heapGrowth(engine, 2_000, steps, 10);
    const on = gpu ? ` on ${adapterName(gpu.info)}` : '';
    console.log(`${name}${on}: ${grown} bytes more after ${steps} steps, of ${heapInUse()} in use`);
    results.push({ engine: name, adapter: gpu?.info ?? null, steps, grown });
    gpu?.destroy();
  }
  console.log(JSON.stringify({ bench: 'heap', node: process.version, results }));
}
