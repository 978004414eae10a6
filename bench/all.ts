// Everything in one table: GPU kernels, and training steps by engine, launch strategy, width and batch.
//
//   npm run bench [-- --full] [--only kernels,steps] [--rounds 5] [--time 100]
//
// Every row is checked before anything is timed. Rounds of about --time milliseconds, in turns, in a random order. Figures on
// a software adapter say nothing about a GPU: their rows say so.

import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { tunedDevice } from './support/device.ts';
import { kernelRows } from './support/kernel-rows.ts';
import { Failures, runRounds } from './support/rounds.ts';
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
  const device = await tunedDevice();
  const gpu = device?.gpu;
  const failures = new Failures();

  const rows: Row[] = [];
  if (only.includes('kernels') && gpu) rows.push(...(await kernelRows(gpu, values.full, time, failures)));
  if (only.includes('steps')) rows.push(...(await stepRows(gpu, values.full, time, failures)));
  console.log(`${rows.length} rows, all checked; timing`);
  const timings = await runRounds(rows, Number(values.rounds), 42, failures);
  for (const line of tableLines(rows, timings)) console.log(line);

  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    node: process.version,
    adapter: gpu?.info ?? null,
  };
  const results = timings.map((timing) => {
    const { software, work } = rows[timing.index];
    return { ...timing, software, work };
  });
  console.log(JSON.stringify({ bench: 'all', unit: 'µs', machine, results, failed: failures.reasons }));
  await device?.close();
}
