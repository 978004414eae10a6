// What every engine checks before it works, so that wrong arguments give the same message on each.

import { ConfigError } from './errors.ts';

/** Throws ConfigError unless `k` more steps can follow `step` in a run of `steps`. */
export function checkAdvance(k: number, step: number, steps: number): void {
  if (!Number.isSafeInteger(k) || k < 1) {
    throw new ConfigError(`advance: expected a whole number of steps of at least 1, got ${k}.`);
  }
  if (step + k > steps) {
    throw new ConfigError(
      `advance: ${k} steps after step ${step} go beyond the run's ${steps} steps. ` +
        `Ask for at most ${Math.max(0, steps - step)}, or make an engine for a longer run.`,
    );
  }
}

/** Throws ConfigError unless `tokens` can be fed at `position`, the number of tokens fed before. */
export function checkTokens(
  tokens: readonly number[],
  position: number,
  blockSize: number,
  vocabSize: number,
): void {
  if (tokens.length === 0) throw new ConfigError('tokens: expected at least one, got none.');
  if (position + tokens.length > blockSize) {
    throw new ConfigError(
      `tokens: ${tokens.length} at position ${position} go beyond block_size ${blockSize}. ` +
        `Feed fewer, or start again with prefill.`,
    );
  }
  const wrong = tokens.findIndex((t) => !Number.isSafeInteger(t) || t < 0 || t >= vocabSize);
  if (wrong !== -1) {
    throw new ConfigError(
      `tokens: expected whole numbers from 0 to ${vocabSize - 1}, got ${tokens[wrong]} at index ${wrong}.`,
    );
  }
}

/** Throws ConfigError unless `state` belongs to a model of `parameterCount` parameters. */
export function checkState(
  state: {
    readonly step: number;
    readonly parameters: ArrayLike<number>;
    readonly m: ArrayLike<number>;
    readonly v: ArrayLike<number>;
  },
  parameterCount: number,
): void {
  if (!Number.isSafeInteger(state.step) || state.step < 0) {
    throw new ConfigError(`state: expected a step of at least 0, got ${state.step}.`);
  }
  for (const name of ['parameters', 'm', 'v'] as const) {
    checkParameterCount(`state.${name}`, state[name].length, parameterCount);
  }
}

/** Throws ConfigError where a flat list called `name` has not one entry per parameter. */
export function checkParameterCount(name: string, got: number, expected: number): void {
  if (got !== expected) {
    throw new ConfigError(
      `${name}: expected ${expected} numbers, one per parameter, got ${got}. ` +
        `They belong to a model of another configuration.`,
    );
  }
}

/** Throws ConfigError unless the documents can train a model of `vocabSize` tokens. */
export function checkDocuments(
  documents: { readonly count: number; readonly tokens: Uint32Array; readonly offsets: Uint32Array },
  vocabSize: number,
): void {
  const { count, tokens, offsets } = documents;
  if (count < 1) throw new ConfigError('documents: expected at least one, got none.');
  if (offsets.length !== count + 1 || offsets[0] !== 0 || offsets[count] !== tokens.length) {
    throw new ConfigError(`documents: expected ${count + 1} offsets from 0 to ${tokens.length}.`);
  }
  for (let d = 0; d < count; d++) {
    if (offsets[d + 1] < offsets[d] + 2) {
      throw new ConfigError(`documents: expected at least 2 tokens in each, too few in document ${d}.`);
    }
  }
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i] < vocabSize) continue;
    throw new ConfigError(
      `documents: expected tokens below vocab_size ${vocabSize}, got ${tokens[i]} at index ${i}.`,
    );
  }
}

/** Throws ConfigError after `dispose`. */
export function checkNotDisposed(disposed: boolean): void {
  if (disposed) throw new ConfigError('engine: used after dispose(). Make a new one.');
}

/** Throws ConfigError where an engine has several models, for what can be done with one only. */
export function checkOneModel({ size }: { readonly size: number }, what: string): void {
  if (size !== 1) throw new ConfigError(`${what}: expected an engine of 1 model, got one of ${size}.`);
}
