// Makes engines: of the kind asked for, or of the one that is faster here.

import type { TokenizedDocuments } from '../data/tokenizer.ts';
import type { ModelConfig } from '../model/config.ts';
import { countParameters } from '../model/parameters.ts';
import { ConfigError, DeviceError } from '../util/errors.ts';
import { adapterName, openDevice, type GpuDevice } from '../webgpu/adapter.ts';
import type { TuningOptions } from '../webgpu/tuning.ts';
import type { Engine, EngineInfo, EngineName, EngineSpec, LaunchStrategy, Member } from './engine.ts';
import { membersOf, specOf } from './models.ts';
import { figure, timeSteps, trialSpec } from './trial.ts';

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
  /** Takes an engine of one model that would keep this thread for long elsewhere; gives undefined for others. */
  readonly away?: (local: LocalEngine, spec: EngineSpec) => Promise<Engine | undefined>;
  /** How a WebGPU engine finds the fastest kernels for its adapter; it takes defaults without. */
  readonly tuning?: TuningOptions;
}

/** Of the engines that train the models of a sweep. */
export interface SweepChoice extends Omit<EngineChoice, 'launch'> {
  /** No oracle: a step of it takes as long as thousands of the others. */
  readonly engine: 'auto' | 'cpu' | 'webgpu';
}

/** An engine that computes on this machine's processor. */
export interface LocalEngine extends Pick<EngineChoice, 'threads' | 'build'> {
  readonly name: 'oracle' | 'cpu';
}

/** All models that are to be trained, of which few may be in memory at a time. */
export interface ModelSource {
  readonly model: ModelConfig;
  readonly documents: TokenizedDocuments;
  readonly size: number;
  /** Of the models from 0 to size − 1; see Member for what they must share. */
  member(index: number): Member;
}

/** What engines are chosen for. */
interface Subject extends ModelSource {
  /** One model, which may train in any way; else as it would beside others. */
  readonly alone?: boolean;
}

/** Where engines are made, one after the other. */
interface Place {
  /** The most models that train at a time. */
  readonly capacity: number;
  /** Why it was taken. */
  readonly why?: string | undefined;
  /** What `auto` measured, in milliseconds a step; empty where nothing had to be measured. */
  readonly measured: readonly Measured[];
  /** An engine of these models; dispose of it before the next is made. */
  create(members: readonly Member[]): Promise<Engine>;
  /** Ends the device or the workers. */
  close(): void;
}

export interface ChosenEngine extends Pick<Place, 'measured' | 'close'> {
  readonly engine: Engine;
  /** What was taken and why, in one line. */
  readonly reason: string;
}

export interface ChosenEngines extends Pick<Place, 'capacity' | 'create' | 'close'> {
  readonly info: EngineInfo;
  /** What was taken and why, in one line. */
  readonly reason: string;
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

/** How many different models a trial has: to make many costs time, and their values do not matter to it. */
const TRIAL_MODELS = 8;

/**
 * The engine of `choice` for `spec`. `auto` takes a real GPU where some steps on each show that it is faster, and
 * the CPU engine otherwise, which includes adapters that are software.
 *
 * Throws DeviceError where WebGPU was asked for and cannot be had, ConfigError where the choice makes no sense.
 */
export function createEngine(choice: EngineChoice, spec: EngineSpec): Promise<ChosenEngine> {
  const members = [spec, ...(spec.others ?? [])];
  const source = {
    ...spec,
    size: members.length,
    member: (i: number) => members[i],
    alone: members.length === 1,
  };
  return chosen(choice, source, async ({ create, close, why, measured }) => {
    const engine = await create(members);
    const end = () => {
      engine.dispose();
      close();
    };
    return { engine, reason: because(engine.info, why), measured, close: end };
  });
}

/**
 * Where to train the models of `source`, as many at a time as fit: as createEngine does, but on a GPU always a workgroup for each, so
 * that its bits do not depend on how many there are, and the CPU for models that are too large for that.
 */
export function chooseEngines(choice: SweepChoice, source: ModelSource): Promise<ChosenEngines> {
  const launch = choice.engine === 'cpu' ? 'auto' : 'resident';
  return chosen({ ...choice, launch }, source, async ({ create, close, capacity, why }) => {
    // A first engine shows that it can be made, and says what it is.
    const { info, dispose } = await create(firstOf(source, Math.min(2, capacity)));
    dispose();
    const several = info.engine === 'cpu' && capacity > 1 ? `; ${capacity} models at a time` : '';
    return { info, reason: because(info, why) + several, capacity, create, close };
  });
}

/** What `make` makes of the place of `choice`; of the CPU where that is `auto` and the device cannot be had or fails. */
async function chosen<T>(
  choice: EngineChoice,
  source: Subject,
  make: (place: Place) => Promise<T>,
): Promise<T> {
  checkEngineChoice(choice);
  const { engine } = choice;
  const made = async (place: Place) => orClose(place.close, () => make(place));
  if (engine === 'oracle' || engine === 'cpu') return made(await onCpu(choice, source, undefined, engine));
  try {
    return await made(await onDeviceOrCpu(choice, source));
  } catch (error) {
    if (engine !== 'auto' || !(error instanceof DeviceError)) throw error;
    return made(await onCpu(choice, source, summary(error)));
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

/** Of several models, one trains in each of some workers. */
async function onCpu(
  { threads, build, away }: EngineChoice,
  source: Subject,
  why?: string,
  name: LocalEngine['name'] = 'cpu',
): Promise<Place> {
  const options = { build, ...(threads === undefined ? {} : { threads }) };
  const { modelsAtOnce, startWorkers } = await import('../cpu/workers.ts');
  const capacity = source.alone || name === 'oracle' ? 1 : Math.min(source.size, modelsAtOnce());
  const workers = capacity === 1 ? [] : startWorkers(capacity);
  return {
    capacity,
    why,
    measured: [],
    async create(members) {
      const spec = specOf(source, members);
      const elsewhere = source.alone ? await away?.({ name, ...options }, spec) : undefined;
      if (elsewhere !== undefined) return elsewhere;
      if (name === 'oracle') {
        const { createOracleEngine } = await import('../oracle/engine.ts'); // the page's first load does without
        return createOracleEngine(spec);
      }
      const { createCpuEngine } = await import('../cpu/engine.ts'); // its kernels: a page that trains on a GPU does not load them
      return createCpuEngine(spec, { ...options, workers });
    },
    close() {
      for (const worker of workers) worker.end();
    },
  };
}

function onDevice(
  device: GpuDevice,
  source: Subject,
  launch: LaunchStrategy,
  rest: Pick<Place, 'capacity' | 'measured' | 'why'>,
): Place {
  return {
    ...rest,
    async create(members) {
      const { createWebGpuEngine } = await import('../webgpu/engine.ts'); // shaders: a page without a GPU does not load them
      return createWebGpuEngine(specOf(source, members), { gpu: device, launch });
    },
    close: () => device.destroy(),
  };
}

/** The CPU only where the choice is `auto`. Throws DeviceError where there is no device. */
async function onDeviceOrCpu(choice: EngineChoice, source: Subject): Promise<Place> {
  const device = await open(choice);
  return orClose(device.destroy, async () => {
    const { engine, launch } = choice;
    const [capacity, unfit] = await capacityOf(device, source);
    if (engine === 'webgpu') {
      if (unfit !== undefined) throw new ConfigError(`--engine webgpu: ${unfit}. Use --engine cpu.`);
      if (launch !== 'auto') return onDevice(device, source, launch, { capacity, measured: [] });
    } else if (device.info.software || unfit !== undefined) {
      device.destroy();
      const why = unfit ?? `the WebGPU adapter is software: ${adapterName(device.info)}`;
      return onCpu(choice, source, why);
    }
    return faster(device, capacity, choice, source);
  });
}

/** The device with its fastest strategy; the CPU where the choice is `auto` and that trains more models in a second. */
async function faster(
  device: GpuDevice,
  capacity: number,
  choice: EngineChoice,
  source: Subject,
): Promise<Place> {
  const { engine, launch } = choice;
  const { chooseLaunch } = await import('./choose-launch.ts');
  const spec = specOf(source, firstOf(source, capacity));
  const onGpu = await chooseLaunch(spec, device, launch === 'auto' ? undefined : [launch]);
  const measured = onGpu.measured.map((trial): Measured => ({ engine: 'webgpu', ...trial }));
  const take = async (why: string) =>
    onDevice(await alive(device, choice), source, onGpu.launch, { capacity, measured, why });
  if (engine === 'webgpu') return take(onGpu.why);
  if (measured.length === 0 || stepFlops(spec) > CPU_TRIAL_FLOPS) {
    return take(`${onGpu.why}; too large to be tried on the CPU`);
  }
  const cpu = await onCpu(choice, source);
  const milliseconds = await orClose(cpu.close, async () => {
    const trial = trialSpec(specOf(source, firstOf(source, cpu.capacity)));
    return timeSteps(await cpu.create(membersOf(trial)), trial.training.steps, source.alone ? 1 : 2);
  });
  measured.push({ engine: 'cpu', milliseconds });
  const name = adapterName(device.info);
  const rates = [capacity / measured[0].milliseconds, cpu.capacity / milliseconds];
  const [gpuRate, cpuRate] = rates.map((rate) =>
    Number((1000 * rate).toPrecision(3)).toLocaleString('en-US'),
  );
  if (rates[0] > rates[1]) {
    cpu.close();
    return take(
      source.alone
        ? `${onGpu.why}; on the CPU ${figure(milliseconds)} ms`
        : `${gpuRate} model-steps/s, on the CPU ${cpuRate}`,
    );
  }
  device.destroy();
  const why = source.alone
    ? `${figure(milliseconds)} ms a step; on ${name} ${onGpu.why}`
    : `${cpuRate} model-steps/s, on ${name} ${gpuRate}`;
  return { ...cpu, measured, why };
}

/** How many models train at a time on the device, and why none does. */
async function capacityOf(device: GpuDevice, source: Subject): Promise<[number, string?]> {
  if (source.alone) return [1]; // any: a strategy is chosen that can take it
  const spec = specOf(source, [source.member(0)]);
  const { modelCapacity } = await import('../webgpu/capacity.ts');
  const { whyNotResident } = await import('../webgpu/resident-layout.ts');
  const reason = whyNotResident(spec.model, spec.training);
  if (reason !== undefined) return [0, reason];
  const most = modelCapacity(device, spec);
  if (most === 0) return [0, `such a model does not fit the buffers of ${adapterName(device.info)}`];
  return [Math.min(source.size, most)];
}

/** So many models as a trial has them. */
function firstOf({ member, size }: ModelSource, count: number): Member[] {
  const some = Array.from({ length: Math.min(size, count, TRIAL_MODELS) }, (_, i) => member(i));
  return Array.from({ length: count }, (_, i) => some[i % some.length]);
}

async function open({ gpu, tuning }: EngineChoice): Promise<GpuDevice> {
  return openDevice(await gpu(), tuning === undefined ? {} : { tuning });
}

/** The device, or another one where a trial lost it: what was tried before that still counts. */
async function alive(device: GpuDevice, choice: EngineChoice): Promise<GpuDevice> {
  if (device.firstError() === undefined) return device;
  device.destroy();
  return open(choice);
}

/** What `work` gives; closes what it works on where it fails. */
async function orClose<T>(close: () => void, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    close();
    throw error;
  }
}

function because({ description }: EngineInfo, why: string | undefined): string {
  return why === undefined ? description : `${description}: ${why}`;
}

/** Floating-point operations of a model's step, roughly: forward, and backward for inputs and for weights, 2 per parameter and token. */
export function stepFlops({ model, training, documents }: EngineSpec): number {
  const tokens = Math.min(model.blockSize, documents.tokens.length / documents.count - 1);
  return 6 * countParameters(model) * tokens * training.batchSize;
}

/** What an error says before it gives advice: `No WebGPU adapter was found`. */
function summary(error: DeviceError): string {
  return error.message.split(/[:.] |\n/, 1)[0];
}
