// The threads of one engine: this one and its workers. They share each step, see src/cpu/wasm/program.ts. Whether that pays
// is found out by trying: waking a worker costs some 20 µs, and how many cores are free only the clock can tell.

import { DeviceError } from '../util/errors.ts';
import type { Layout } from './layout.ts';
import type { SimdMemory } from './simd-memory.ts';
import { WasmWorker } from './workers.ts';

/** `auto` leaves steps that are shorter alone, in milliseconds: two meetings a step would cost more than they save. */
const SHORTEST_STEP = 0.05;

/** `auto` leaves runs alone that end within this, in milliseconds: workers take some 50 to start. */
const SHORTEST_RUN = 500;

/** `auto` believes its clock after so many milliseconds of training: before, the compiler is at work. */
const WARM_UP = 60;

/** Times that each number of threads is tried. */
const TRIALS = 4;

/** More threads have to save this share of the time. */
const LEAST_GAIN = 0.05;

/** The only instance of each worker. */
const INSTANCE = 0;

type Phase = 'alone' | 'starting' | 'trying' | 'decided';

export class Team {
  /** Threads of the next steps. */
  threads = 1;

  readonly #simd: SimdMemory;
  readonly #most: number;
  readonly #patience: number;
  #workers: WasmWorker[] = [];
  #phase: Phase;
  #failure: DeviceError | undefined;

  // What `auto` has measured: milliseconds in training, and the best time of a step by number of threads.
  #elapsed = 0;
  #candidates: number[] = [];
  #trials = 0;
  readonly #best = new Map<number, number>();

  /** At most `most` threads; `always` all of them, or as many as turn out to be fastest. */
  constructor(simd: SimdMemory, most: number, always: boolean) {
    this.#simd = simd;
    this.#most = most;
    this.#patience = patience(simd.layout);
    simd.kernels.setPatience(this.#patience);
    this.#phase = always ? 'decided' : 'alone';
    if (most === 1) this.#phase = 'decided';
    else if (always) this.threads = most;
  }

  /** To be awaited before `train`: `stepsLeft` more steps are wanted. Throws DeviceError where a worker has failed. */
  async prepare(stepsLeft: number): Promise<void> {
    this.#failure ??= this.#workers.find(({ failure }) => failure !== undefined)?.failure;
    if (this.#failure !== undefined) throw this.#failure;
    switch (this.#phase) {
      case 'alone': {
        const step = this.#best.get(1);
        if (step === undefined || this.#elapsed < WARM_UP) return;
        if (step < SHORTEST_STEP) this.#phase = 'decided';
        else if (step * stepsLeft > SHORTEST_RUN) this.#startTrials();
        return;
      }
      case 'trying':
        this.threads = this.#candidates[this.#trials % this.#candidates.length];
        return;
      case 'decided':
        if (this.threads > 1 && this.#workers.length === 0) await this.#start();
        return;
      case 'starting':
    }
  }

  /** Steps `first` … `first + k − 1`. Throws DeviceError where a worker did not come. */
  train(first: number, k: number): void {
    const { kernels } = this.#simd;
    const start = performance.now();
    for (let i = 1; i < this.threads; i++) {
      const worker = this.#workers[i - 1];
      worker.call(INSTANCE, 'train', first, k, i, this.threads).catch((error: DeviceError) => {
        if (this.#workers.includes(worker)) this.#failure ??= error; // else it was let go
      });
    }
    if (kernels.train(first, k, 0, this.threads) === 0) {
      this.#failure ??= new DeviceError(
        `cpu: a worker thread did not answer within ${this.#patience.toFixed(0)} s, so this training is lost. ` +
          'Resume from the last saved state, with one thread.',
      );
      throw this.#failure;
    }
    this.#learn(performance.now() - start, k);
  }

  dispose(): void {
    for (const worker of this.#workers.splice(0)) worker.end();
  }

  #learn(elapsed: number, k: number): void {
    if (this.#phase === 'decided') return;
    this.#elapsed += elapsed;
    this.#best.set(this.threads, Math.min(elapsed / k, this.#best.get(this.threads) ?? Infinity));
    if (this.#phase !== 'trying' || ++this.#trials < TRIALS * this.#candidates.length) return;
    this.threads = 1;
    for (const count of this.#candidates) {
      if (this.#best.get(count)! < this.#best.get(this.threads)! * (1 - LEAST_GAIN)) this.threads = count;
    }
    for (const worker of this.#workers.splice(this.threads - 1)) worker.end();
    this.#phase = 'decided';
  }

  /** Starts the workers; training goes on meanwhile. */
  #startTrials(): void {
    this.#phase = 'starting';
    this.#start().then(
      () => {
        this.#phase = 'trying';
        this.#best.clear(); // measured under other circumstances
        this.#candidates = [...new Set([1, Math.ceil(this.#most / 2), this.#most])];
      },
      // No worker, or none any more: one thread will do.
      () => {
        this.dispose();
        this.#phase = 'decided';
      },
    );
  }

  async #start(): Promise<void> {
    const { module, memory, prepare } = this.#simd;
    this.#workers = Array.from(
      { length: this.#most - 1 },
      (_, i) => new WasmWorker(`cpu: worker thread ${i + 1}`),
    );
    await Promise.all(
      this.#workers.map((worker, i) =>
        worker.open(INSTANCE, module, memory, [...prepare(i + 1), ['setPatience', this.#patience]]),
      ),
    );
  }
}

/** Seconds after which a thread is given up: ten times what the largest step takes at 1 GFLOP/s, and never below ten. */
function patience({ weights, rows }: Layout): number {
  return 10 + (10 * 6 * weights.count * rows) / 1e9;
}
