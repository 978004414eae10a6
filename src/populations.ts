// Makes populations: on the device asked for, or on the one that trains more models in a second here.

import { cpuCapacity, createCpuPopulation, startPopulationWorkers } from './cpu/population.ts';
import type { TokenizedDocuments } from './data/tokenizer.ts';
import type { EngineInfo } from './engine.ts';
import { summary, type EngineChoice } from './engines.ts';
import type { ModelConfig } from './model/config.ts';
import type { Population, PopulationMember } from './population.ts';
import { timeSteps } from './trial.ts';
import { ConfigError, DeviceError } from './util/errors.ts';
import { adapterName, openDevice, type GpuDevice } from './webgpu/adapter.ts';
import { createWebGpuPopulation, populationCapacity } from './webgpu/population.ts';
import { whyNotResident } from './webgpu/resident/step.ts';

export interface PopulationChoice extends Pick<EngineChoice, 'gpu' | 'build'> {
  readonly engine: 'auto' | 'cpu' | 'webgpu';
}

/** All models that are to be trained, of which few may be in memory at a time. */
export interface PopulationSource {
  readonly model: ModelConfig;
  readonly documents: TokenizedDocuments;
  readonly size: number;
  /** Of the models from 0 to size - 1; see PopulationSpec for what they must share. */
  member(index: number): PopulationMember;
}

export interface ChosenPopulations {
  /** What was taken and why, in one line. */
  readonly reason: string;
  readonly info: EngineInfo;
  /** The most models of one population. */
  readonly capacity: number;
  /** A population of at most `capacity` models; dispose of it before the next is made. */
  create(members: readonly PopulationMember[]): Promise<Population>;
  /** Closes the device. */
  close(): void;
}

/**
 * Where to train the models of `source`. `auto` takes a real GPU where some steps on each show that it trains more
 * models in a second, and the CPU otherwise, which includes adapters that are software and models that are too large for
 * a workgroup each.
 *
 * Throws DeviceError where WebGPU was asked for and cannot be had, ConfigError where it cannot train such models.
 */
export async function choosePopulations(
  choice: PopulationChoice,
  source: PopulationSource,
): Promise<ChosenPopulations> {
  const { engine, gpu: find, build } = choice;
  if (engine === 'cpu') return onCpu(source, build);
  let gpu: GpuDevice | undefined;
  try {
    gpu = await openDevice(await find());
    const unfit = whyUnfit(gpu, source);
    if (engine === 'webgpu') {
      if (unfit !== undefined) throw new ConfigError(`--engine webgpu: ${unfit}. Use --engine cpu.`);
      return await onGpu(gpu, source);
    }
    if (gpu.info.software || unfit !== undefined) {
      gpu.destroy();
      return await onCpu(source, build, unfit ?? `the WebGPU adapter is software: ${adapterName(gpu.info)}`);
    }
    return await faster(gpu, source, build);
  } catch (error) {
    gpu?.destroy();
    if (engine === 'auto' && error instanceof DeviceError) return onCpu(source, build, summary(error));
    throw error;
  }
}

/** Why the device cannot train such models, a workgroup each. */
function whyUnfit(gpu: GpuDevice, { model, documents, member }: PopulationSource): string | undefined {
  const first = member(0);
  const reason = whyNotResident(model, first.training);
  if (reason !== undefined) return reason;
  if (populationCapacity(gpu, { model, documents, members: [first] }) > 0) return undefined;
  return `such a model does not fit the buffers of ${adapterName(gpu.info)}`;
}

async function faster(
  gpu: GpuDevice,
  source: PopulationSource,
  build: string | undefined,
): Promise<ChosenPopulations> {
  const gpuRate = await measure(await onGpu(gpu, source), source);
  const cpu = await onCpu(source, build);
  const cpuRate = await measure(cpu, source).finally(() => cpu.close());
  if (gpuRate > cpuRate) {
    return onGpu(gpu, source, `${figure(gpuRate)} model-steps/s, on the CPU ${figure(cpuRate)}`);
  }
  gpu.destroy();
  const why = `${figure(cpuRate)} model-steps/s, on ${adapterName(gpu.info)} ${figure(gpuRate)}`;
  return onCpu(source, build, why);
}

/** How many different models a trial has: to make many costs time, and their values do not matter to it. */
const TRIAL_MODELS = 8;

/** Model-steps per second of populations as large as they will be. */
async function measure({ create, capacity }: ChosenPopulations, source: PopulationSource): Promise<number> {
  const size = Math.min(source.size, capacity);
  const some = Array.from({ length: Math.min(size, TRIAL_MODELS) }, (_, i) => source.member(i));
  const members = Array.from({ length: size }, (_, i) => some[i % some.length]);
  const milliseconds = await timeSteps(await create(members), some[0].training.steps, 2);
  return (1000 * size) / milliseconds;
}

async function onCpu(
  source: PopulationSource,
  build: string | undefined,
  why?: string,
): Promise<ChosenPopulations> {
  const { model, documents, member, size } = source;
  const capacity = Math.min(size, cpuCapacity());
  const workers = capacity === 1 ? [] : startPopulationWorkers(capacity);
  const create = async (members: readonly PopulationMember[]) =>
    createCpuPopulation({ model, documents, members }, { workers, build });
  const close = () => {
    for (const worker of workers) worker.end();
  };
  const chosen = await described({ create, capacity, close }, member(0), why);
  return capacity === 1 ? chosen : { ...chosen, reason: `${chosen.reason}; ${capacity} models at a time` };
}

async function onGpu(gpu: GpuDevice, source: PopulationSource, why?: string): Promise<ChosenPopulations> {
  const { model, documents, member } = source;
  const capacity = populationCapacity(gpu, { model, documents, members: [member(0)] });
  const create = (members: readonly PopulationMember[]) =>
    createWebGpuPopulation(gpu, { model, documents, members });
  return described({ create, capacity, close: () => gpu.destroy() }, member(0), why);
}

/** A population of one shows that it can be made, and says what it is. */
async function described(
  maker: Pick<ChosenPopulations, 'create' | 'capacity' | 'close'>,
  member: PopulationMember,
  why: string | undefined,
): Promise<ChosenPopulations> {
  const { info, dispose } = await maker.create([member]);
  dispose();
  return { ...maker, info, reason: why === undefined ? info.description : `${info.description}: ${why}` };
}

function figure(rate: number): string {
  return Number(rate.toPrecision(3)).toLocaleString('en-US');
}
