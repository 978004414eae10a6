// Many models at once: a workgroup of the resident kernel for each. They share the shape of model and batch and the
// documents; each has its own parameters, order of documents and rates, and gets the bits it would get alone.

import type { TokenizedDocuments } from '../data/tokenizer.ts';
import type { FloatArray, TrainingState } from '../engine.ts';
import { checkModelConfig, checkTrainingConfig } from '../model/config.ts';
import type { ModelConfig } from '../model/config.ts';
import { RING_LENGTH } from '../model/gpt.ts';
import {
  countParameters,
  gatherParameters,
  parameterLayout,
  scatterParameters,
} from '../model/parameters.ts';
import {
  checkAdvance,
  checkDocuments,
  checkNotDisposed,
  checkParameterCount,
} from '../util/engine-checks.ts';
import { ConfigError } from '../util/errors.ts';
import type { GpuDevice } from './adapter.ts';
import { Pace } from './launch.ts';
import { whyNotResident } from './resident-layout.ts';
import { ResidentModels } from './resident.ts';
import type { ResidentModel, ResidentOptions } from './resident.ts';
import type { StateRegion } from './steps.ts';

export interface PopulationMember extends ResidentModel {
  /** Initial parameters, flat, in microgpt.py's order. */
  readonly parameters: FloatArray;
}

export interface Population {
  readonly size: number;
  /** Runs the next `k` steps of every model; the k losses of each. */
  advance(k: number): Promise<Float64Array[]>;
  /** Everything that training has changed, of each model. */
  states(): Promise<TrainingState[]>;
  /** Frees device memory; a second call does nothing. */
  dispose(): void;
}

/** How long one dispatch should take, in milliseconds: see `Pace`. */
const TARGET_MS = 100;

/**
 * Throws ConfigError where the models differ in batch size, steps or the length of their orders, or are too large for a
 * workgroup each, and DeviceError where so many do not fit the device.
 */
export async function createPopulation(
  gpu: GpuDevice,
  model: ModelConfig,
  documents: TokenizedDocuments,
  members: readonly PopulationMember[],
  options: ResidentOptions = {},
): Promise<Population> {
  checkModelConfig(model);
  checkDocuments(documents, model.vocabSize);
  const most = gpu.device.limits.maxComputeWorkgroupsPerDimension;
  if (members.length < 1 || members.length > most) {
    throw new ConfigError(`population: expected 1 to ${most} models, got ${members.length}.`);
  }
  const count = countParameters(model);
  const { batchSize, steps } = members[0].training;
  for (const [i, member] of members.entries()) checkMember(i, member, members[0], count, documents.count);
  const reason = whyNotResident(model, members[0].training);
  if (reason !== undefined)
    throw new ConfigError(`population: ${reason}. Use a smaller model, block or batch.`);
  const needed = Math.min(documents.count, (steps + 1) * batchSize);
  if (members[0].order.length < needed) {
    throw new ConfigError(
      `population: expected at least ${needed} documents in an order, got ${members[0].order.length}.`,
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
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(() => {
      checkNotDisposed(disposed);
      return work();
    });
    turn = result.catch(() => undefined);
    return result;
  };
  const download = async (region: StateRegion): Promise<Float32Array[]> => {
    const read = await models.read(region);
    return members.map((_, i) => {
      const flat = new Float32Array(count);
      gatherParameters(layout, models.part(read, i), flat);
      return flat;
    });
  };

  return {
    size: members.length,

    advance: (k) =>
      inTurn(async () => {
        checkAdvance(k, step, steps);
        const losses = members.map(() => new Float64Array(k));
        for (let done = 0; done < k;) {
          const now = pace.next(Math.min(k - done, RING_LENGTH));
          const start = performance.now();
          const rings = await models.run(now);
          pace.learn(now, performance.now() - start);
          rings.forEach((ring, which) => {
            for (let i = 0; i < now; i++) losses[which][done + i] = ring[(step + i) % RING_LENGTH];
          });
          done += now;
          step += now;
        }
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

function checkMember(
  i: number,
  member: PopulationMember,
  first: PopulationMember,
  count: number,
  documents: number,
): void {
  const { training, order, parameters } = member;
  checkTrainingConfig(training);
  checkParameterCount(`population[${i}].parameters`, parameters.length, count);
  const same = (name: string, got: number, expected: number) => {
    if (got === expected) return;
    throw new ConfigError(
      `population[${i}]: expected ${name} ${expected}, as the first model has, got ${got}.`,
    );
  };
  same('batch_size', training.batchSize, first.training.batchSize);
  same('steps', training.steps, first.training.steps);
  same('an order of length', order.length, first.order.length);
  const wrong = order.find((document) => document >= documents);
  if (wrong !== undefined) {
    throw new ConfigError(
      `population[${i}]: expected an order of documents below ${documents}, got ${wrong}.`,
    );
  }
}
