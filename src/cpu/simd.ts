// The CPU engine on WASM SIMD: whole training steps run in src/cpu/wasm/, one call for many of them.

import type { Engine, EngineInfo, EngineSpec, FloatArray, TrainingState } from '../engine/engine.ts';
import {
  checkAdvance,
  checkDocuments,
  checkNotDisposed,
  checkState,
  checkTokens,
} from '../util/engine-checks.ts';
import { DeviceError } from '../util/errors.ts';
import { power } from '../util/power.ts';
import { Away } from './away.ts';
import { generator } from './generate.ts';
import type { SimdBuild } from './kernels.ts';
import { CHUNK } from './layout.ts';
import { createSimdMemory } from './simd-memory.ts';
import { Team } from './team.ts';
import type { WasmWorker } from './workers.ts';

/** A call of the kernels is cut to about this, in milliseconds, so that other work gets its turn. */
const TURN = 20;

export interface SimdThreads {
  readonly threads: number;
  readonly always: boolean;
  /** Does the steps instead of this thread. */
  readonly worker?: WasmWorker | undefined;
}

/**
 * The engine for a checked `spec`, with at most `threads` threads. Null where the memory of WASM does not hold it, or the
 * kernels have no instruction for one of its ops.
 */
export function createSimdEngine(
  spec: EngineSpec,
  build: SimdBuild,
  { threads, always, worker }: SimdThreads,
): Engine | null {
  const { training } = spec;
  const { blockSize, vocabSize } = spec.model;
  const simd = createSimdMemory(spec, build, threads, worker && 'shared');
  if (simd === null) return null;
  const { kernels, layout } = simd;
  const { buffer } = simd.memory;
  const team = worker === undefined ? new Team(simd, threads, always) : new Away(worker, simd);
  const { weights, at, toGradient, toM, toV } = layout;
  const floats = new Float32Array(buffer);
  const read = (distance?: number) => weights.read(floats, distance);
  const write = (flat: FloatArray, distance?: number) => weights.write(flat, floats, distance);
  const rates = new Float64Array(buffer, at.rates, 2 * CHUNK);
  const losses = new Float64Array(buffer, at.losses, CHUNK);
  const logits = new Float32Array(buffer, at.logits, vocabSize);
  const generate = generator(simd, spec.model);
  write(spec.parameters);
  kernels.runAlone(at.refresh, 0);

  let step = 0;
  let position = 0;
  let disposed = false;
  let stepsPerTurn = 1;

  /** Steps `step` … `step + k − 1` in one call. */
  const train = async (k: number): Promise<void> => {
    for (let i = 0; i < k; i++) {
      const index = step + i;
      const rate = training.learningRate * (1 - index / training.steps);
      rates[2 * i] = rate / (1 - power(training.beta1, index + 1));
      rates[2 * i + 1] = 1 - power(training.beta2, index + 1);
    }
    const start = performance.now();
    await team.train(step, k);
    const elapsed = performance.now() - start;
    step += k;
    // Not more than twice as many as before: the first steps run before the compiler has optimised them.
    stepsPerTurn = Math.max(
      1,
      Math.min(CHUNK, 2 * stepsPerTurn, Math.floor((TURN * k) / Math.max(elapsed, 0.001))),
    );
  };

  const feed = (token: number): Float32Array => {
    kernels.decode(token, position++);
    return logits.slice();
  };

  // Calls take turns: between the pieces of a long `advance` another one must not come in.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => T | Promise<T>): Promise<T> => {
    const result = last.then(() => {
      checkNotDisposed(disposed);
      return work();
    });
    last = result.catch(() => undefined);
    return result;
  };

  return {
    get info(): EngineInfo {
      const more = team.threads > 1 ? `, ${team.threads} threads` : '';
      return { engine: 'cpu', description: `cpu (f32, WASM ${build}${more})`, precision: 'f32', build };
    },
    size: 1,

    advance: (k) =>
      inTurn(async () => {
        checkAdvance(k, step, training.steps);
        position = 0;
        const all = new Float64Array(k);
        for (let done = 0; done < k;) {
          if (done > 0) await nextTurn();
          checkNotDisposed(disposed);
          await team.prepare(training.steps - step).catch((error: unknown) => {
            checkNotDisposed(disposed);
            throw error;
          });
          checkNotDisposed(disposed);
          const count = Math.min(k - done, stepsPerTurn);
          await train(count);
          all.set(losses.subarray(0, count), done);
          done += count;
        }
        return all;
      }),

    gradients: () =>
      inTurn(() => ({
        losses: Float64Array.of(kernels.runAlone(at.gradients, step)),
        gradients: read(toGradient),
      })),

    // A step of one document for each of them, in a memory of its own.
    evaluate: (documents) =>
      inTurn(async () => {
        checkDocuments(documents, vocabSize);
        const each = { ...spec, documents, training: { ...training, batchSize: 1 } };
        const other = createSimdMemory(each, build, 1);
        if (other === null)
          throw new DeviceError('evaluate: not enough memory for these documents. Use fewer at a time.');
        other.layout.weights.write(read(), new Float32Array(other.memory.buffer));
        other.kernels.runAlone(other.layout.at.refresh, 0);
        const all = new Float64Array(documents.count);
        let turnEnds = performance.now() + TURN;
        for (let d = 0; d < all.length; d++) {
          all[d] = other.kernels.runAlone(other.layout.at.loss, d);
          if (performance.now() < turnEnds) continue;
          await nextTurn();
          checkNotDisposed(disposed);
          turnEnds = performance.now() + TURN;
        }
        return all;
      }),

    parameters: () => inTurn(() => read()),

    state: () => inTurn(() => ({ step, parameters: read(), m: read(toM), v: read(toV) })),

    load: (state: TrainingState) =>
      inTurn(() => {
        checkState(state, weights.count);
        write(state.parameters);
        write(state.m, toM);
        write(state.v, toV);
        kernels.runAlone(at.refresh, 0);
        step = state.step;
        position = 0;
      }),

    prefill: (tokens) =>
      inTurn(() => {
        checkTokens(tokens, 0, blockSize, vocabSize);
        position = 0;
        let result = feed(tokens[0]);
        for (let i = 1; i < tokens.length; i++) result = feed(tokens[i]);
        return result;
      }),

    decode: (token) =>
      inTurn(() => {
        checkTokens([token], position, blockSize, vocabSize);
        return feed(token);
      }),

    generate: (request) =>
      inTurn(() => {
        position = 0;
        return generate(request);
      }),

    dispose() {
      disposed = true;
      team.dispose();
    },
  };
}

/** Lets timers, messages and drawing happen. A message comes at once, in Node and in pages; timers wait milliseconds. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    const arrived = () => {
      port1.close();
      resolve();
    };
    port1.addEventListener('message', arrived, { once: true });
    port1.start();
    port2.postMessage(null);
  });
}
