// Many models at once on the CPU: an engine for each, which train one after the other.

import { reorderDocuments } from '../data/tokenizer.ts';
import { checkPopulation, type Population, type PopulationSpec } from '../population.ts';
import { checkAdvance, checkNotDisposed } from '../util/engine-checks.ts';
import { takeTurns } from '../util/turns.ts';
import { createCpuEngine, type CpuOptions } from './engine.ts';

/**
 * Models to train at once: one per thread. More would win nothing, have all their engines in memory (V8 has addresses for
 * about a hundred of their memories), and be done only at the end, all together.
 */
export const CPU_CAPACITY = 1;

/** Throws ConfigError where the members differ in what they must share. */
export function createCpuPopulation(spec: PopulationSpec, options: CpuOptions = {}): Population {
  checkPopulation(spec);
  const { model, documents, members } = spec;
  const { steps } = members[0].training;
  const engines = members.map(({ training, parameters, order }) =>
    createCpuEngine({ model, training, parameters, documents: reorderDocuments(documents, order) }, options),
  );
  let step = 0;
  let disposed = false;
  const inTurn = takeTurns(() => checkNotDisposed(disposed));

  return {
    info: engines[0].info,
    size: members.length,

    advance: (k) =>
      inTurn(async () => {
        checkAdvance(k, step, steps);
        const losses: Float64Array[] = [];
        for (const engine of engines) losses.push(await engine.advance(k));
        step += k;
        return losses;
      }),

    states: () => inTurn(() => Promise.all(engines.map((engine) => engine.state()))),

    dispose() {
      disposed = true;
      for (const engine of engines) engine.dispose();
    },
  };
}
