// Makes an engine: the one asked for, or the one that is faster here.

import type { Engine, EngineName, EngineSpec, LaunchStrategy } from './engine.ts';
import { countParameters } from '../model/parameters.ts';
import { figure, timeSteps, trialSpec } from './trial.ts';
import { ConfigError, DeviceError } from '../util/errors.ts';
import { adapterName, openDevice, type DeviceOptions, type GpuDevice } from '../webgpu/adapter.ts';
import type { LaunchChoice } from '../webgpu/choose-launch.ts';
import type { TuningOptions } from '../webgpu/tuning.ts';

export const ENGINE_NAMES: readonly EngineName[] = ['oracle', 'cpu', 'webgpu'];
export const LAUNCH_STRATEGIES: readonly LaunchStrategy[] = ['eager', 'graph', 'fused', 'resident'];

export interface EngineChoice {
  readonly engine: 'auto' | EngineName;
  /** How a WebGPU engine launches its kernels. `auto` is the fastest of some trial steps on the device. */
  readonly launch: 'auto' | LaunchStrategy;
  /** Of the CPU engine; see `CpuOptions`. An engine that has no threads refuses more than one. */
  readonly threads?: number;
  /** Of the CPU engine: the build that a run began with, which gives its bits; taken where it runs here. */
  readonly build?: string | undefined;
  /** Gives the GPU object: navigator.gpu, or Dawn in Node. Rejects or gives undefined where there is none. */
  readonly gpu: () => Promise<GPU | undefined>;
  /** Takes an engine that would keep this thread for long elsewhere; gives undefined for others. */
  readonly away?: (local: LocalEngine, spec: EngineSpec) => Promise<Engine | undefined>;
  /** How a WebGPU engine finds the fastest kernels for its adapter; it takes defaults without. */
  readonly tuning?: TuningOptions;
}

/** An engine that computes on this machine's processor. */
export interface LocalEngine extends Pick<EngineChoice, 'threads' | 'build'> {
  readonly name: 'oracle' | 'cpu';
}

export interface ChosenEngine {
  readonly engine: Engine;
  /** What was taken and why, in one line. */
  readonly reason: string;
  /** What `auto` measured, in milliseconds a step; empty where nothing had to be measured. */
  readonly measured: readonly Measured[];
  /** Disposes of the engine and of its device. */
  close(): void;
}

export interface Measured {
  readonly engine: EngineName;
  readonly launch?: LaunchStrategy;
  readonly milliseconds: number;
}

/**
 * A step of more floating-point operations is not tried on the CPU: it could take seconds there. Below, it is, however large: many
 * cores may beat a small GPU at any size.
 */
const CPU_TRIAL_FLOPS = 1e10;

/**
 * The engine of `choice` for `spec`. `auto` takes a real GPU where some steps on each show that it is faster, and
 * the CPU engine otherwise, which includes adapters that are software.
 *
 * Throws DeviceError where WebGPU was asked for and cannot be had, ConfigError where the choice makes no sense.
 */
export async function createEngine(choice: EngineChoice, spec: EngineSpec): Promise<ChosenEngine> {
  const { engine, launch } = choice;
  checkEngineChoice(choice);
  switch (engine) {
    case 'oracle':
      return plain(await localEngine('oracle', choice, spec));
    case 'cpu':
      return onCpu(choice, spec);
    case 'webgpu': {
      const device = await openDevice(await choice.gpu(), deviceOptions(choice));
      return orDestroy(device, async () => {
        if (launch !== 'auto') return onDevice(device, spec, launch);
        const { chooseLaunch } = await import('../webgpu/choose-launch.ts'); // shaders: a page without a GPU does not load them
        const chosen = await chooseLaunch(spec, device);
        return onDevice(await alive(device, choice), spec, chosen.launch, chosen.why, ofGpu(chosen));
      });
    }
    case 'auto':
      return automatic(choice, spec);
  }
}

/** Throws ConfigError where the engine has no use for a launch strategy, or for threads. */
export function checkEngineChoice({
  engine,
  launch,
  threads = 1,
}: Pick<EngineChoice, 'engine' | 'launch' | 'threads'>): void {
  if (launch !== 'auto' && (engine === 'oracle' || engine === 'cpu')) {
    throw new ConfigError(
      `launch ${launch}: the ${engine} engine launches no kernels. Leave it out, or choose the engine webgpu.`,
    );
  }
  if (threads !== 1 && (engine === 'oracle' || engine === 'webgpu')) {
    throw new ConfigError(
      `threads ${threads}: the ${engine} engine has one thread. Leave it out, or choose the engine cpu.`,
    );
  }
}

async function automatic(choice: EngineChoice, spec: EngineSpec): Promise<ChosenEngine> {
  let device: GpuDevice;
  try {
    device = await openDevice(await choice.gpu(), deviceOptions(choice));
  } catch (error) {
    return onCpu(choice, spec, summary(error));
  }
  if (device.info.software) {
    device.destroy();
    return onCpu(choice, spec, `the WebGPU adapter is software: ${adapterName(device.info)}`);
  }
  try {
    return await orDestroy(device, () => faster(device, choice, spec));
  } catch (error) {
    if (error instanceof DeviceError) return onCpu(choice, spec, summary(error));
    throw error;
  }
}

function deviceOptions({ tuning }: EngineChoice): DeviceOptions {
  return tuning === undefined ? {} : { tuning };
}

/** The engine on the device or the CPU's, whichever takes its steps faster. */
async function faster(device: GpuDevice, choice: EngineChoice, spec: EngineSpec): Promise<ChosenEngine> {
  const { launch } = choice;
  const { chooseLaunch } = await import('../webgpu/choose-launch.ts');
  const onGpu = await chooseLaunch(spec, device, launch === 'auto' ? undefined : [launch]);
  const measured = ofGpu(onGpu);
  const take = async (why: string) =>
    onDevice(await alive(device, choice), spec, onGpu.launch, why, measured);
  if (onGpu.measured.length === 0 || stepFlops(spec) > CPU_TRIAL_FLOPS) {
    return take(`${onGpu.why}; too large to be tried on the CPU`);
  }
  const trial = trialSpec(spec);
  const { engine } = await onCpu(choice, trial);
  const milliseconds = await timeSteps(engine, trial.training.steps, 1);
  measured.push({ engine: 'cpu', milliseconds });
  if (onGpu.measured[0].milliseconds < milliseconds) {
    return take(`${onGpu.why}; on the CPU ${figure(milliseconds)} ms`);
  }
  device.destroy();
  const why = `${figure(milliseconds)} ms a step; on ${adapterName(device.info)} ${onGpu.why}`;
  return onCpu(choice, spec, why, measured);
}

/** The device, or another one where a trial lost it: what was tried before that still counts. */
async function alive(device: GpuDevice, choice: EngineChoice): Promise<GpuDevice> {
  if (device.firstError() === undefined) return device;
  device.destroy();
  return openDevice(await choice.gpu(), deviceOptions(choice));
}

function ofGpu({ measured }: LaunchChoice): Measured[] {
  return measured.map((trial) => ({ engine: 'webgpu', ...trial }));
}

async function onCpu(
  choice: EngineChoice,
  spec: EngineSpec,
  why?: string,
  measured: readonly Measured[] = [],
): Promise<ChosenEngine> {
  return plain(await localEngine('cpu', choice, spec), why, measured);
}

/** Here, or where the choice takes it. */
async function localEngine(
  name: LocalEngine['name'],
  { threads, build, away }: EngineChoice,
  spec: EngineSpec,
): Promise<Engine> {
  const options = { build, ...(threads === undefined ? {} : { threads }) };
  const elsewhere = await away?.({ name, ...options }, spec);
  if (elsewhere !== undefined) return elsewhere;
  if (name === 'oracle') {
    const { createOracleEngine } = await import('../oracle/engine.ts'); // the page's first load does without
    return createOracleEngine(spec);
  }
  const { createCpuEngine } = await import('../cpu/engine.ts'); // its kernels: a page that trains on a GPU does not load them
  return createCpuEngine(spec, options);
}

function plain(engine: Engine, why?: string, measured: readonly Measured[] = []): ChosenEngine {
  return { engine, reason: because(engine, why), measured, close: () => engine.dispose() };
}

async function onDevice(
  device: GpuDevice,
  spec: EngineSpec,
  launch: LaunchStrategy,
  why?: string,
  measured: readonly Measured[] = [],
): Promise<ChosenEngine> {
  const engine = await orDestroy(device, async () => {
    const { createWebGpuEngine } = await import('../webgpu/engine.ts');
    return createWebGpuEngine(spec, { gpu: device, launch });
  });
  const close = () => {
    engine.dispose();
    device.destroy();
  };
  return { engine, reason: because(engine, why), measured, close };
}

/** What `work` gives; destroys the device where it fails. */
async function orDestroy<T>(device: GpuDevice, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    device.destroy();
    throw error;
  }
}

function because(engine: Engine, why: string | undefined): string {
  return why === undefined ? engine.info.description : `${engine.info.description}: ${why}`;
}

/** Floating-point operations of a step, roughly: forward, and backward for inputs and for weights, 2 per parameter and token. */
export function stepFlops({ model, training, documents }: EngineSpec): number {
  const tokens = Math.min(model.blockSize, documents.tokens.length / documents.count - 1);
  return 6 * countParameters(model) * tokens * training.batchSize;
}

/** What an error says before it gives advice: `No WebGPU adapter was found`. */
export function summary(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split(/[:.] |\n/, 1)[0];
}
