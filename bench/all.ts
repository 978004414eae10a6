// Everything in one table: GPU kernels, and training steps by engine, launch strategy, width and batch.
//
//   npm run bench [-- --full] [--only kernels,steps] [--rounds 5] [--time 100]
//
// Every row is checked before anything is timed. Rounds of about --time milliseconds, in turns, in a random order. Figures on
// a software adapter say nothing about a GPU: their rows say so.

import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { gpu as openGpu } from '../src/cli/gpu.ts';
import { adapterName, openDevice } from '../src/webgpu/adapter.ts';
import type { GpuDevice } from '../src/webgpu/adapter.ts';
import { kernelRows } from './support/kernel-rows.ts';
import { runRounds } from './support/rounds.ts';
import { stepRows } from './support/step-rows.ts';
import type { Row } from './support/table.ts';
import { tableLines } from './support/table.ts';

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      full: { type: 'boolean', default: false },
      only: { type: 'string', default: 'kernels,steps' },
      rounds: { type: 'string', default: '5' },
      time: { type: 'string', default: '100' },
    },
  });
  const time = Number(values.time);
  const only = values.only.split(',');
  const gpu = await deviceOrReason();
  const device = typeof gpu === 'string' ? undefined : gpu;
  console.log(typeof gpu === 'string' ? `no GPU rows: ${gpu}` : `adapter: ${adapterName(gpu.info)}`);

  const rows: Row[] = [];
  if (only.includes('kernels') && device) rows.push(...(await kernelRows(device, values.full, time)));
  if (only.includes('steps')) rows.push(...(await stepRows(device, values.full, time)));
  console.log(`${rows.length} rows, all checked; timing`);
  const timings = await runRounds(rows, Number(values.rounds), 42);
  for (const line of tableLines(rows, timings)) console.log(line);

  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    node: process.version,
    adapter: device?.info ?? null,
  };
  const results = rows.map(({ software, work }, i) => ({ ...timings[i], software, work }));
  console.log(JSON.stringify({ bench: 'all', unit: 'µs', machine, results }));
  device?.destroy();
}

/** A device, or why there is none. */
async function deviceOrReason(): Promise<GpuDevice | string> {
  try {
    return await openDevice(await openGpu());
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
