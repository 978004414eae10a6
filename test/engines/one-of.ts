// An engine of one model that is really one of several, so that the cases for one model hold for each of them.

import type { EngineSpec, FloatArray, Member } from '../../src/engine/engine.ts';
import { partOf, specOf, statesOf } from '../../src/engine/models.ts';
import type { Create } from './cases.ts';

const SIZE = 3;
/** The one in the middle. */
const OWN = 1;

/** Makes engines of three models and shows one of them. */
export function oneOf(create: Create): Create {
  return async (spec) => {
    const engine = await create(specOf(spec, [beside(spec, 0.5), spec, beside(spec, 2)]));
    const own = <T extends FloatArray>(all: T) => partOf(all, OWN, SIZE).slice() as T;
    return {
      info: engine.info,
      size: 1,
      get latency() {
        return engine.latency;
      },
      advance: async (k) => own(await engine.advance(k)),
      async gradients() {
        const { losses, gradients } = await engine.gradients();
        return { losses: own(losses), gradients: own(gradients) };
      },
      evaluate: async (documents) => own(await engine.evaluate(documents)),
      parameters: async () => own(await engine.parameters()),
      state: async () => statesOf(await engine.state(), SIZE)[OWN],
      async load(state) {
        const before = statesOf(await engine.state(), SIZE);
        const all = before.with(OWN, state);
        const region = (name: 'parameters' | 'm' | 'v') =>
          Float64Array.from(all.flatMap((one) => [...one[name]]));
        await engine.load({
          step: state.step,
          parameters: region('parameters'),
          m: region('m'),
          v: region('v'),
        });
      },
      prefill: async (tokens) => own(await engine.prefill(tokens)),
      decode: async (token) => own(await engine.decode(token)),
      dispose: () => engine.dispose(),
    };
  };
}

/** A model of another start, another rate and another order. */
function beside({ training, parameters, documents }: EngineSpec, factor: number): Member {
  return {
    training: { ...training, learningRate: factor * training.learningRate },
    parameters: parameters.map((x) => factor * x),
    order: Uint32Array.from({ length: documents.count }, (_, i) => documents.count - 1 - i),
  };
}
