// Makes engines: of the kind asked for, or of the one that is faster here.

import { countParameters } from '../model/parameters.ts';
import { ConfigError, DeviceError } from '../util/errors.ts';
import { adapterName, openDevice, type GpuDevice } from '../webgpu/adapter.ts';
import { checkEngineChoice, type EngineChoice, type ModelSource, type SweepChoice } from './choice.ts';
import type { Engine, EngineInfo, EngineSpec, Member } from './engine.ts';
import { membersOf, specOf } from './models.ts';
import { capacityOf, onCpu, onDevice, type Measured, type Place, type Subject } from './place.ts';
import { figure, timeSteps, trialSpec } from './trial.ts';

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
  return chosen({ ...choice, launch: 'auto' }, source, async ({ create, close, capacity, why }) => {
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

/** The CPU only where the choice is `auto`. Several models have a workgroup each. Throws DeviceError where there is no device. */
async function onDeviceOrCpu(choice: EngineChoice, source: Subject): Promise<Place> {
  const device = await open(choice);
  return orClose(device.destroy, async () => {
    const { engine } = choice;
    const launch = choice.launch === 'auto' && !source.alone ? 'resident' : choice.launch;
    const [capacity, unfit] = await capacityOf(device, source);
    if (engine === 'webgpu') {
      if (unfit !== undefined) throw new ConfigError(`--engine webgpu: ${unfit}. Use --engine cpu.`);
      if (launch !== 'auto') return onDevice(device, source, launch, { capacity, measured: [] });
    } else if (device.info.software || unfit !== undefined) {
      device.destroy();
      const why = unfit ?? `the WebGPU adapter is software: ${adapterName(device.info)}`;
      return onCpu(choice, source, why);
    }
    return faster(device, capacity, { ...choice, launch }, source);
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
