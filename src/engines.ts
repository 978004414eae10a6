// Makes an engine: the one asked for, or the one that is faster here.

import { createCpuEngine } from './cpu/engine.ts';
import type { Engine, EngineName, EngineSpec, LaunchStrategy } from './engine.ts';
import { countParameters } from './model/parameters.ts';
import { createOracleEngine } from './oracle/engine.ts';
import { ConfigError, DeviceError } from './util/errors.ts';
import { adapterName, openDevice, type DeviceOptions, type GpuDevice } from './webgpu/adapter.ts';
import { createWebGpuEngine, type WebGpuOptions } from './webgpu/engine.ts';
import type { TuningOptions } from './webgpu/tuning.ts';

export const ENGINE_NAMES: readonly EngineName[] = ['oracle', 'cpu', 'webgpu'];
export const LAUNCH_STRATEGIES: readonly LaunchStrategy[] = ['eager', 'graph', 'fused', 'resident'];

export interface EngineChoice {
  readonly engine: 'auto' | EngineName;
  /** How a WebGPU engine launches its kernels. `auto` is `graph`. */
  readonly launch: 'auto' | LaunchStrategy;
  /** Gives the GPU object: navigator.gpu, or Dawn in Node. Rejects or gives undefined where there is none. */
  readonly gpu: () => Promise<GPU | undefined>;
  /** How a WebGPU engine finds the fastest kernels for its adapter; it takes defaults without. */
  readonly tuning?: TuningOptions;
}

export interface ChosenEngine {
  readonly engine: Engine;
  /** What was taken and why, in one line. */
  readonly reason: string;
  /** What `auto` measured, in milliseconds a step; empty where nothing had to be measured. */
  readonly measured: readonly { readonly engine: EngineName; readonly milliseconds: number }[];
  /** Disposes of the engine and of its device. */
  close(): void;
}

/** How long `auto` tries each engine, in milliseconds. */
const TRIAL = 300;

/**
 * A step of more floating-point operations is not tried on the CPU: it could take seconds there, and a real GPU
 * wins from far smaller ones.
 */
const CPU_TRIAL_FLOPS = 1e9;

/**
 * The engine of `choice` for `spec`. `auto` takes a real GPU where some steps on each show that it is faster, and
 * the CPU engine otherwise, which includes adapters that are software.
 *
 * Throws DeviceError where WebGPU was asked for and cannot be had, ConfigError where the choice makes no sense.
 */
export async function createEngine(choice: EngineChoice, spec: EngineSpec): Promise<ChosenEngine> {
  const { engine, launch } = choice;
  if (launch !== 'auto' && (engine === 'oracle' || engine === 'cpu')) {
    throw new ConfigError(
      `launch ${launch}: the ${engine} engine launches no kernels. Leave it out, or choose the engine webgpu.`,
    );
  }
  switch (engine) {
    case 'oracle':
      return plain(createOracleEngine(spec));
    case 'cpu':
      return plain(createCpuEngine(spec));
    case 'webgpu':
      return onDevice(await openDevice(await choice.gpu(), deviceOptions(choice)), choice, spec);
    case 'auto':
      return automatic(choice, spec);
  }
}

async function automatic(choice: EngineChoice, spec: EngineSpec): Promise<ChosenEngine> {
  let device: GpuDevice;
  try {
    device = await openDevice(await choice.gpu(), deviceOptions(choice));
  } catch (error) {
    return plain(createCpuEngine(spec), summary(error));
  }
  if (device.info.software) {
    device.destroy();
    return plain(createCpuEngine(spec), `the WebGPU adapter is software: ${adapterName(device.info)}`);
  }
  try {
    const steps = trialSteps(spec);
    const trial = { ...spec, training: { ...spec.training, steps } };
    const gpuTime = await timeSteps(await createWebGpuEngine(trial, webGpuOptions(device, choice)), steps, 2);
    if (stepFlops(spec) > CPU_TRIAL_FLOPS) {
      const why = `${figure(gpuTime)} ms a step, which is too large to be tried on the CPU`;
      return await onDevice(device, choice, spec, why, [{ engine: 'webgpu', milliseconds: gpuTime }]);
    }
    const cpuTime = await timeSteps(createCpuEngine(trial), steps, 1);
    const measured = [
      { engine: 'webgpu', milliseconds: gpuTime },
      { engine: 'cpu', milliseconds: cpuTime },
    ] as const;
    if (gpuTime < cpuTime) {
      const why = `${figure(gpuTime)} ms a step, on the CPU ${figure(cpuTime)} ms`;
      return await onDevice(device, choice, spec, why, measured);
    }
    device.destroy();
    const why = `${figure(cpuTime)} ms a step, on ${adapterName(device.info)} ${figure(gpuTime)} ms`;
    return plain(createCpuEngine(spec), why, measured);
  } catch (error) {
    device.destroy();
    if (error instanceof DeviceError) return plain(createCpuEngine(spec), summary(error));
    throw error;
  }
}

function deviceOptions({ tuning }: EngineChoice): DeviceOptions {
  return tuning === undefined ? {} : { tuning };
}

function plain(engine: Engine, why?: string, measured: ChosenEngine['measured'] = []): ChosenEngine {
  return { engine, reason: because(engine, why), measured, close: () => engine.dispose() };
}

async function onDevice(
  device: GpuDevice,
  choice: EngineChoice,
  spec: EngineSpec,
  why?: string,
  measured: ChosenEngine['measured'] = [],
): Promise<ChosenEngine> {
  let engine: Engine;
  try {
    engine = await createWebGpuEngine(spec, webGpuOptions(device, choice));
  } catch (error) {
    device.destroy();
    throw error;
  }
  const close = () => {
    engine.dispose();
    device.destroy();
  };
  return { engine, reason: because(engine, why), measured, close };
}

function webGpuOptions(device: GpuDevice, { launch }: EngineChoice): WebGpuOptions {
  return { gpu: device, launch: launch === 'auto' ? 'graph' : launch };
}

function because(engine: Engine, why: string | undefined): string {
  return why === undefined ? engine.info.description : `${engine.info.description}: ${why}`;
}

/**
 * Milliseconds a step, the best of some rounds: whatever else the machine does only adds to them. Takes about
 * `TRIAL`, or as long as `rounds` rounds of one step; the first one may compile. At most `limit` steps. Disposes of
 * the engine.
 */
async function timeSteps(engine: Engine, limit: number, rounds: number): Promise<number> {
  let best = Infinity;
  let steps = 1;
  const start = performance.now();
  try {
    let done = 0;
    for (let round = 0; round < rounds || performance.now() - start < TRIAL; round++) {
      if (done + steps > limit) break;
      done += steps;
      const began = performance.now();
      await engine.advance(steps);
      const elapsed = performance.now() - began;
      best = Math.min(best, elapsed / steps);
      if (elapsed < TRIAL / 8) steps *= 2;
    }
  } finally {
    engine.dispose();
  }
  return best;
}

/** Steps that the engines of a trial may make: plenty, even if the run is short, but no more documents than they count to. */
function trialSteps({ training }: EngineSpec): number {
  const countable = Math.floor(2 ** 32 / training.batchSize);
  return Math.max(training.steps, Math.min(1_000_000, countable));
}

/** Floating-point operations of a step, roughly: forward, and backward for inputs and for weights, 2 per parameter and token. */
export function stepFlops({ model, training, documents }: EngineSpec): number {
  const tokens = Math.min(model.blockSize, documents.tokens.length / documents.count - 1);
  return 6 * countParameters(model) * tokens * training.batchSize;
}

/** What an error says before it gives advice: `No WebGPU adapter was found`. */
function summary(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split(/[:.] |\n/, 1)[0];
}

function figure(milliseconds: number): string {
  return milliseconds >= 100 ? milliseconds.toFixed(0) : milliseconds.toPrecision(3);
}
