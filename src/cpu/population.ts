// Many models at once on the CPU: an engine for each, whose steps this thread does, or workers, one model per core.

import { reorderDocuments } from '../data/tokenizer.ts';
import { checkPopulation, type Population, type PopulationSpec } from '../engine/population.ts';
import { checkAdvance, checkNotDisposed } from '../util/engine-checks.ts';
import { takeTurns } from '../util/turns.ts';
import { createCpuEngine, type CpuOptions } from './engine.ts';
import { canShareMemory, coreCount, WasmWorker } from './workers.ts';

/**
 * Models to train at once: one per core. More would win nothing, have all their engines in memory (V8 has addresses for
 * about a hundred of their memories), and be done only at the end, all together.
 */
export function cpuCapacity(): number {
  return canShareMemory() ? coreCount() : 1;
}

/** Workers for populations, one after another: they take longer to start than a small model to train. */
export function startPopulationWorkers(count: number): WasmWorker[] {
  return Array.from({ length: count }, (_, i) => new WasmWorker(`cpu: worker thread ${i + 1}`));
}

export interface CpuPopulationOptions extends Pick<CpuOptions, 'variant' | 'build'> {
  /** They train the models in turn, and stay when the population is disposed of. This thread does unless given. */
  readonly workers?: readonly WasmWorker[];
}

/** The same bits with any number of workers. Throws ConfigError where the members differ in what they must share. */
export function createCpuPopulation(
  spec: PopulationSpec,
  { workers = [], ...options }: CpuPopulationOptions = {},
): Population {
  checkPopulation(spec);
  const { model, documents, members } = spec;
  const { steps } = members[0].training;
  const engines = members.map(({ training, parameters, order }, i) => {
    const own = { model, training, parameters, documents: reorderDocuments(documents, order) };
    return createCpuEngine(own, { ...options, worker: workers[i % workers.length] });
  });
  let step = 0;
  let disposed = false;
  const inTurn = takeTurns(() => checkNotDisposed(disposed));

  return {
    info: engines[0].info,
    size: members.length,

    advance: (k) =>
      inTurn(async () => {
        checkAdvance(k, step, steps);
        const losses = await Promise.all(engines.map((engine) => engine.advance(k)));
        step += k;
        return losses;
      }),

    states: () => inTurn(() => Promise.all(engines.map((engine) => engine.state()))),

    dispose() {
      if (disposed) return;
      disposed = true;
      for (const engine of engines) engine.dispose();
    },
  };
}
