// What the cases for all engines have in common.

import { expect } from 'vitest';
import type { Engine, EngineSpec } from '../../src/engine/engine.ts';
import { parameterSpecs } from '../../src/model/parameters.ts';
import { tensorErrors } from '../../src/verify/check.ts';

/** How close an engine must come to the recorded runs and to the oracle. */
export interface Bars {
  /** Largest difference of any loss from the recorded or the oracle's, absolute. */
  readonly loss: number;
  /** Largest ‖Δ‖ / ‖reference‖ of any tensor's gradient. */
  readonly gradient: number;
}

export type Create = (spec: EngineSpec) => Promise<Engine>;

/** Makes an engine for the length of a function. */
export function user(create: Create) {
  return async <T>(spec: EngineSpec, use: (engine: Engine) => Promise<T>): Promise<T> => {
    const engine = await create(spec);
    try {
      return await use(engine);
    } finally {
      engine.dispose();
    }
  };
}

/** The tensors of a model, by name. */
export function tensorsOf(spec: EngineSpec, flat: ArrayLike<number>): Map<string, Float64Array> {
  return new Map(
    parameterSpecs(spec.model).map(({ name, offset, size }) => {
      return [name, Float64Array.from({ length: size }, (_, i) => flat[offset + i])];
    }),
  );
}

/** Throws where a tensor is further from the reference than `bar`. */
export function expectTensors(
  spec: EngineSpec,
  got: ArrayLike<number>,
  reference: ReadonlyMap<string, Float64Array>,
  bar: number,
): void {
  const flat = (tensors: ReadonlyMap<string, Float64Array>) =>
    Float64Array.from([...tensors.values()].flatMap((values) => [...values]));
  const [own, expected] = [tensorsOf(spec, got), reference].map(flat);
  for (const { name, error } of tensorErrors(spec.model, own, expected)) {
    expect(error, name).toBeLessThanOrEqual(bar);
  }
}
