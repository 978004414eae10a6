// Many models at once: a workgroup of the resident kernel for each.

import { RING_LENGTH } from '../model/gpt.ts';
import {
  countParameters,
  gatherParameters,
  parameterLayout,
  scatterParameters,
} from '../model/parameters.ts';
import { checkPopulation, type Population, type PopulationSpec } from '../population.ts';
import { checkAdvance, checkNotDisposed } from '../util/engine-checks.ts';
import { ConfigError, DeviceError } from '../util/errors.ts';
import { takeTurns } from '../util/turns.ts';
import { adapterName, type GpuDevice } from './adapter.ts';
import { inBatches, Pace } from './pace.ts';
import { residentStep, whyNotResident } from './resident/step.ts';
import { ResidentModels } from './resident.ts';
import type { ResidentOptions } from './resident.ts';
import type { StateRegion } from './steps.ts';

/** How long one dispatch should take, in milliseconds: see `Pace`. */
const TARGET_MS = 100;

/**
 * More would make a dispatch of even one step long, and keep no device busier: one holds a few workgroups for each of
 * its compute units, of which the largest have some hundreds.
 */
const MOST = 2048;
/**
 * Floating-point operations of a step of all models together, which is the least that a dispatch does: a second on a small
 * integrated GPU, which operating systems reset after two.
 */
const STEP_FLOPS = 1e10;
/** Bytes of all buffers together; no device tells how much memory is free. */
const BYTES = 2 ** 30;

/** How many models of the shape of `members[0]` fit one dispatch and the buffers of the device; 0 where none does. */
export function populationCapacity(
  { device }: GpuDevice,
  { model, documents, members }: PopulationSpec,
): number {
  const { maxStorageBufferBindingSize, maxBufferSize, maxComputeWorkgroupsPerDimension } = device.limits;
  const [{ training, order }] = members;
  const elements = Math.min(maxStorageBufferBindingSize, maxBufferSize) / 4;
  const shared = documents.count + 1 + documents.tokens.length; // beside the orders
  const { values, parameters: state, flops } = residentStep(model, training); // of each model
  const most = [
    MOST,
    STEP_FLOPS / flops,
    maxComputeWorkgroupsPerDimension,
    elements / state,
    elements / values,
    (elements - shared) / order.length,
    elements / (RING_LENGTH + 1),
    (BYTES / 4 - shared) / (4 * state + values + order.length + RING_LENGTH),
  ];
  return Math.max(0, Math.floor(Math.min(...most)));
}

/**
 * Throws ConfigError where the members differ in what they must share or are too large for a workgroup each, and
 * DeviceError where so many do not fit the device.
 */
export async function createWebGpuPopulation(
  gpu: GpuDevice,
  spec: PopulationSpec,
  options: ResidentOptions = {},
): Promise<Population> {
  checkPopulation(spec);
  const { model, documents, members } = spec;
  const { steps } = members[0].training;
  const count = countParameters(model);
  const reason = whyNotResident(model, members[0].training);
  if (reason !== undefined) {
    throw new ConfigError(`population: ${reason}. Use a smaller model, block or batch, or the CPU engine.`);
  }
  const most = populationCapacity(gpu, spec);
  if (members.length > most) {
    throw new DeviceError(
      `population: expected at most ${most} models on ${adapterName(gpu.info)}, got ${members.length}.`,
    );
  }

  const models = await ResidentModels.create(gpu, model, members, documents, options);
  const layout = parameterLayout(model);
  const padded = new Float32Array(members.length * layout.length);
  members.forEach(({ parameters }, i) => scatterParameters(layout, parameters, models.part(padded, i)));
  models.write('parameters', padded);

  const pace = new Pace(TARGET_MS);
  let step = 0;
  let disposed = false;
  const inTurn = takeTurns(() => {
    checkNotDisposed(disposed);
    gpu.check();
  });
  const download = async (region: StateRegion): Promise<Float32Array[]> => {
    const read = await models.read(region);
    return members.map((_, i) => {
      const flat = new Float32Array(count);
      gatherParameters(layout, models.part(read, i), flat);
      return flat;
    });
  };

  return {
    info: {
      engine: 'webgpu',
      description: `webgpu (resident, a workgroup per model) on ${adapterName(gpu.info)}`,
      precision: 'f32',
      launch: 'resident',
      build: gpu.build,
      adapter: gpu.info,
    },
    size: members.length,
    get latency() {
      return pace.latency;
    },

    advance: (k) =>
      inTurn(async () => {
        checkAdvance(k, step, steps);
        const losses = members.map(() => new Float64Array(k));
        await pace.measureLatency(() => models.idle());
        const train = (batch: number) => models.run(batch);
        await inBatches(k, pace, train, (rings, done, batch) => {
          rings.forEach((ring, which) => {
            for (let i = 0; i < batch; i++) losses[which][done + i] = ring[(step + i) % RING_LENGTH];
          });
          step += batch;
        });
        return losses;
      }),

    states: () =>
      inTurn(async () => {
        const [parameters, m, v] = [await download('parameters'), await download('m'), await download('v')];
        return members.map((_, i) => ({ step, parameters: parameters[i], m: m[i], v: v[i] }));
      }),

    dispose() {
      if (disposed) return;
      disposed = true;
      models.destroy();
    },
  };
}
