// Steps of one engine in a worker, so that this thread is free: many models train at once, one in each worker.

import type { SimdMemory } from './simd-memory.ts';
import type { WasmWorker } from './workers.ts';

let instances = 0;

/** What `Team` is for steps that threads share. */
export class Away {
  readonly threads = 1;
  readonly #worker: WasmWorker;
  readonly #simd: SimdMemory;
  readonly #instance = instances++;
  #opened: Promise<void> | undefined;

  constructor(worker: WasmWorker, simd: SimdMemory) {
    this.#worker = worker;
    this.#simd = simd;
  }

  async prepare(): Promise<void> {
    const { module, memory, prepare } = this.#simd;
    this.#opened ??= this.#worker.open(this.#instance, module, memory, prepare(0));
    await this.#opened;
  }

  /** Steps `first` … `first + k − 1`. Rejects with DeviceError where the worker has ended. */
  async train(first: number, k: number): Promise<void> {
    await this.#worker.call(this.#instance, 'train', first, k, 0, 1);
  }

  /** The worker lives on, for others. */
  dispose(): void {
    this.#worker.close(this.#instance);
  }
}
