// Where engines are made, one after the other: an open device, or this processor and its workers.

import type { WasmWorker } from '../cpu/workers.ts';
import { adapterName, type GpuDevice } from '../webgpu/adapter.ts';
import type { EngineChoice, LocalEngine, ModelSource } from './choice.ts';
import type { Engine, EngineName, LaunchStrategy, Member } from './engine.ts';
import { specOf } from './models.ts';

/** What engines are chosen for. */
export interface Subject extends ModelSource {
  /** One model, which may train in any way; else as it would beside others. */
  readonly alone?: boolean;
}

export interface Place {
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

export interface Measured {
  readonly engine: EngineName;
  readonly launch?: LaunchStrategy;
  readonly milliseconds: number;
}

/** Of several models, one trains in each of some workers. */
export async function onCpu(
  { threads, build, away }: EngineChoice,
  source: Subject,
  why?: string,
  name: LocalEngine['name'] = 'cpu',
): Promise<Place> {
  const options = { build, ...(threads === undefined ? {} : { threads }) };
  let capacity = 1;
  let workers: readonly WasmWorker[] = [];
  if (name === 'cpu' && !source.alone) {
    const { modelsAtOnce, startWorkers } = await import('../cpu/workers.ts');
    capacity = Math.min(source.size, modelsAtOnce());
    if (capacity > 1) workers = startWorkers(capacity);
  }
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
      const { openCpuEngine } = await import('../cpu/engine.ts'); // its kernels: a page that trains on a GPU does not load them
      return openCpuEngine(spec, { ...options, workers });
    },
    close() {
      for (const worker of workers) worker.end();
    },
  };
}

export function onDevice(
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

/** How many models train at a time on the device, and why none does. */
export async function capacityOf(device: GpuDevice, source: Subject): Promise<[number, string?]> {
  if (source.alone) return [1]; // any: a strategy is chosen that can take it
  const spec = specOf(source, [source.member(0)]);
  const { modelCapacity } = await import('../webgpu/capacity.ts');
  const { whyNotResident } = await import('../webgpu/resident/step.ts');
  const reason = whyNotResident(spec.model, spec.training);
  if (reason !== undefined) return [0, reason];
  const most = modelCapacity(device, spec);
  if (most === 0) return [0, `such a model does not fit the buffers of ${adapterName(device.info)}`];
  return [Math.min(source.size, most)];
}
