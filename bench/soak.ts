// Does anything grow over a long run? Trains on each engine for so many minutes as `microgpt train --out` does, with a
// checkpoint every few seconds, and looks at memory, step time and files at even intervals after a warm-up.
//
//   npm run bench -- soak [--minutes 60] [--engine cpu,webgpu]
//
// Fails where one has grown beyond its bound between the first and the last quarter of the looks: by the median of each, as one
// look may meet a garbage collection; the step time by the shortest, as other programs only add to it. It is processor time
// where a processor computes the steps, which other programs hardly change, and time by the clock on a GPU.

import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RunSaver } from '../src/cli/run-saver.ts';
import { engineOf } from '../src/train/run-engine.ts';
import { RunStore } from '../src/cli/run-store.ts';
import { BUILTIN_DOCUMENTS } from '../src/data/builtin-names.ts';
import { DEFAULT_MODEL, DEFAULT_SAMPLING, DEFAULT_TRAINING } from '../src/config/config.ts';
import type { EngineName } from '../src/engine/engine.ts';
import { createEngine } from '../src/engine/choose.ts';
import { prepareRun } from '../src/train/prepare.ts';
import { ProgressMeter } from '../src/train/progress.ts';
import { ResilientEngine } from '../src/engine/resilient.ts';
import { fingerprintDocuments } from '../src/train/run-files.ts';
import { train } from '../src/train/trainer.ts';
import { nodeGpu } from '../src/webgpu/node-gpu.ts';
import { heapInUse } from '../test/support/heap.ts';

/** Steps of the run: more than an hour takes. */
const STEPS = 1e9;
const LOOKS = 24;
/** Compiling, tuning and the first checkpoints come first. */
const WARM_UP = 0.1;
const CHECKPOINT_MS = 5_000;

/**
 * How much each may grow. Heap: what the runtime itself moves by. RSS: also what the allocator keeps. Step time: the noise
 * of a machine that does other things as well. Files: digits of larger step numbers, and metrics up to their limit of lines.
 */
const BOUNDS = { heap: 1e6, rss: 32e6, buffers: 0, files: 8e6, stepTime: 0.5 };

interface Look {
  readonly minutes: number;
  readonly steps: number;
  /** Bytes. */
  readonly heap: number;
  readonly rss: number;
  /** Of the buffers that exist on the device; WebGPU tells no more. */
  readonly buffers: number;
  /** Of all files in the run's directory. */
  readonly files: number;
  /** Microseconds a step since the look before, looks and checkpoints not counted. */
  readonly stepTime: number;
}

export async function main(args: string[]): Promise<void> {
  const options = {
    minutes: { type: 'string', default: '60' },
    engine: { type: 'string', default: 'cpu,webgpu' },
  } as const;
  const { values } = parseArgs({ args, options });
  const minutes = Number(values.minutes);
  const results = [];
  for (const name of values.engine.split(',')) {
    const { description, looks } = await soak(name as EngineName, minutes);
    const grown = growth(looks);
    console.log(`${description}: ${looks.at(-1)!.steps} steps in ${minutes} minutes`);
    console.log('minutes     steps   heap MB    RSS MB  device MB  files MB  µs/step');
    const mb = (bytes: number) => (bytes / 1e6).toFixed(2);
    for (const { minutes: m, steps, heap, rss, buffers, files, stepTime } of looks) {
      const cells = [
        m.toFixed(1),
        String(steps),
        mb(heap),
        mb(rss),
        mb(buffers),
        mb(files),
        stepTime.toFixed(1),
      ];
      const widths = [7, 10, 10, 10, 11, 10, 9];
      console.log(cells.map((cell, i) => cell.padStart(widths[i])).join(''));
    }
    const wrong = (Object.keys(BOUNDS) as (keyof typeof BOUNDS)[]).filter((key) => grown[key] > BOUNDS[key]);
    console.log(wrong.length === 0 ? 'flat' : `GROWN beyond the bounds: ${wrong.join(', ')}`);
    if (wrong.length > 0) process.exitCode = 1;
    results.push({ engine: name, description, minutes, grown, wrong, looks });
  }
  console.log(JSON.stringify({ bench: 'soak', node: process.version, bounds: BOUNDS, results }));
}

/** From the first quarter of the looks to the last: bytes, and the step time as a fraction. */
function growth(looks: readonly Look[]): typeof BOUNDS {
  const quarter = Math.ceil(looks.length / 4);
  const sorted = (some: readonly Look[], key: keyof Look) =>
    some.map((look) => look[key]).toSorted((a, b) => a - b);
  const first = (key: keyof Look) => sorted(looks.slice(0, quarter), key);
  const last = (key: keyof Look) => sorted(looks.slice(-quarter), key);
  const middle = quarter >> 1;
  const more = (key: keyof Look) => last(key)[middle] - first(key)[middle];
  return {
    heap: more('heap'),
    rss: more('rss'),
    buffers: more('buffers'),
    files: more('files'),
    stepTime: last('stepTime')[0] / first('stepTime')[0] - 1,
  };
}

async function soak(name: EngineName, minutes: number): Promise<{ description: string; looks: Look[] }> {
  const out = mkdtempSync(join(tmpdir(), 'microgpt-soak-'));
  const counter = countDeviceBytes(name === 'webgpu' ? await nodeGpu() : undefined);
  const { spec, tokenizer, random } = prepareRun({
    documents: BUILTIN_DOCUMENTS,
    model: DEFAULT_MODEL,
    training: { ...DEFAULT_TRAINING, steps: STEPS },
  });
  const choice = { engine: name, launch: 'auto', gpu: nodeGpu } as const;
  const chosen = await createEngine(choice, spec);
  const engine = name === 'webgpu' ? new ResilientEngine(chosen, choice, spec) : chosen.engine;
  const store = await RunStore.open(out);
  const config = {
    model: spec.model,
    training: spec.training,
    data: {
      source: 'builtin',
      documents: BUILTIN_DOCUMENTS.length,
      sha256: await fingerprintDocuments(BUILTIN_DOCUMENTS),
    },
    engine: engineOf(engine.info),
    sampling: { ...DEFAULT_SAMPLING, samples: 0 },
  };
  const fixed = { config, tokenizer, random: random.getState() };
  const saver = new RunSaver(store, { milliseconds: CHECKPOINT_MS }, engine, fixed, { losses: [], saved: 0 });
  const meter = new ProgressMeter(spec);
  const looks: Look[] = [];
  const length = 60_000 * minutes;
  const start = performance.now();
  const clock = () =>
    engine.info.adapter?.software === false ? performance.now() : process.cpuUsage().user / 1000;
  let [steps, milliseconds] = [0, 0]; // since the last look
  let before = clock();
  try {
    for await (const chunk of train(engine, spec.training)) {
      steps += chunk.losses.length;
      milliseconds += clock() - before;
      await saver.add(chunk, meter.update(chunk).smoothedLoss);
      const passed = (performance.now() - start) / length;
      if (passed >= WARM_UP + ((1 - WARM_UP) * looks.length) / (LOOKS - 1)) {
        looks.push({
          minutes: passed * minutes,
          steps: chunk.step,
          heap: heapInUse(),
          rss: process.memoryUsage().rss,
          buffers: counter.bytes(),
          files: sizeOf(out),
          stepTime: (1000 * milliseconds) / steps,
        });
        [steps, milliseconds] = [0, 0];
      }
      if (looks.length === LOOKS) break;
      before = clock();
    }
    return { description: engine.info.description, looks };
  } finally {
    counter.end();
    engine.dispose();
    chosen.close();
    store.close();
    rmSync(out, { recursive: true });
  }
}

/** The bytes of the buffers that exist on the devices of `gpu`. */
function countDeviceBytes(gpu: GPU | undefined): { bytes(): number; end(): void } {
  if (gpu === undefined) return { bytes: () => 0, end: () => undefined };
  const { createBuffer } = GPUDevice.prototype;
  const { destroy } = GPUBuffer.prototype;
  let bytes = 0;
  const alive = new WeakSet<GPUBuffer>();
  GPUDevice.prototype.createBuffer = function (...args) {
    const buffer = Reflect.apply(createBuffer, this, args);
    alive.add(buffer);
    bytes += buffer.size;
    return buffer;
  };
  GPUBuffer.prototype.destroy = function () {
    if (alive.delete(this)) bytes -= this.size;
    return Reflect.apply(destroy, this, []);
  };
  const end = () => {
    GPUDevice.prototype.createBuffer = createBuffer;
    GPUBuffer.prototype.destroy = destroy;
  };
  return { bytes: () => bytes, end };
}

function sizeOf(directory: string): number {
  let bytes = 0;
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const entry = statSync(join(directory, name), { throwIfNoEntry: false });
    if (entry?.isFile()) bytes += entry.size;
  }
  return bytes;
}
