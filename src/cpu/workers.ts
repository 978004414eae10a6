// Workers that run WASM: worker_threads in Node, Web Workers in a page. They know nothing of the kernels: each makes the
// instances it is told to, on memory that is shared, and calls their exports by name.

import { DeviceError } from '../util/errors.ts';

/** The name of an export and its arguments. */
export type Call = readonly [name: string, ...args: number[]];

/** What a worker is asked for. */
interface Request {
  readonly id: number;
  readonly instance: number;
  /** Where the instance is to be made: its module and its memory. */
  readonly module?: WebAssembly.Module;
  readonly memory?: WebAssembly.Memory;
  readonly calls: readonly Call[];
  /** True where the instance is no longer needed. */
  readonly close?: boolean;
}

interface Reply {
  readonly id: number;
  /** What the last call gave. */
  readonly result?: number;
  readonly error?: string;
}

interface Waiting {
  resolve(result: number): void;
  reject(error: DeviceError): void;
}

// Text, because every bundler has its own way to find a worker's file, and none of them works in all of Node, pages and
// tests. It runs as it stands, in Node as CommonJS.
const SOURCE = `
const port = typeof require === 'function' ? require('node:worker_threads').parentPort : self;
const instances = new Map();
port.addEventListener('message', ({ data: { id, instance, module, memory, calls, close } }) => {
  try {
    if (module !== undefined) {
      instances.set(instance, new WebAssembly.Instance(module, { env: { memory } }).exports);
    }
    let result;
    for (const [name, ...args] of calls) result = instances.get(instance)[name](...args);
    if (close) instances.delete(instance);
    port.postMessage({ id, result });
  } catch (error) {
    port.postMessage({ id, error: String(error) });
  }
});
if (port.start !== undefined) port.start();
`;

/** Calls that one worker runs one after the other, in the order they were made in. */
export class WasmWorker {
  readonly #name: string;
  readonly #worker: PlatformWorker;
  readonly #pending = new Map<number, Waiting>();
  #requests = 0;
  #failure: DeviceError | undefined;

  /** `name` is for messages. */
  constructor(name: string) {
    this.#name = name;
    this.#worker = startWorker(
      (reply) => this.#settle(reply),
      (failure) => this.#fail(failure),
    );
  }

  /** Makes the instance `instance` of `module` on `memory`, and makes `calls`. */
  open(
    instance: number,
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    calls: readonly Call[],
  ): Promise<void> {
    return this.#ask({ instance, module, memory, calls }).then(() => undefined);
  }

  /** What the export gives. Rejects with DeviceError where it traps, and where the worker has ended. */
  call(instance: number, ...call: Call): Promise<number> {
    return this.#ask({ instance, calls: [call] });
  }

  /** Lets the memory of an instance go. */
  close(instance: number): void {
    this.#ask({ instance, calls: [], close: true }).catch(() => undefined); // an ended worker has none
  }

  /** Why calls are no longer possible, where that is so. */
  get failure(): DeviceError | undefined {
    return this.#failure;
  }

  /** Ends the worker, whatever it does; calls under way are rejected. A second call does nothing. */
  end(): void {
    this.#worker.terminate();
    this.#fail('it was ended');
  }

  #ask(request: Omit<Request, 'id'>): Promise<number> {
    const id = this.#requests++;
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      // An idle worker does not keep the process alive; one that is waited for does.
      if (this.#pending.size === 0) this.#worker.ref();
      this.#pending.set(id, { resolve, reject });
      this.#worker.post({ id, ...request });
    });
  }

  #settle({ id, result, error }: Reply): void {
    const call = this.#pending.get(id);
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#worker.unref();
    if (error === undefined) call?.resolve(result!);
    else call?.reject(this.#error(error));
  }

  #fail(reason: string): void {
    this.#failure ??= this.#error(reason);
    for (const { reject } of this.#pending.values()) reject(this.#failure);
    this.#pending.clear();
  }

  #error(reason: string): DeviceError {
    return new DeviceError(`${this.#name}: ${reason}.`);
  }
}

interface PlatformWorker {
  post(request: Request): void;
  ref(): void;
  unref(): void;
  terminate(): void;
}

function startWorker(onReply: (reply: Reply) => void, onFailure: (failure: string) => void): PlatformWorker {
  const threads = nodeModule('node:worker_threads');
  if (threads !== undefined) {
    // None of the options and variables of this process: they may name modules that are to be loaded first.
    const worker = new threads.Worker(SOURCE, { eval: true, execArgv: [], env: {} });
    worker.unref();
    worker.on('message', onReply);
    worker.on('error', ({ message }) => onFailure(`it failed: ${message}`));
    worker.on('exit', (code) => onFailure(`it ended with status ${code}`));
    return {
      post: (request) => worker.postMessage(request, []),
      ref: () => worker.ref(),
      unref: () => worker.unref(),
      terminate: () => void worker.terminate(),
    };
  }
  const url = URL.createObjectURL(new Blob([SOURCE], { type: 'text/javascript' }));
  const worker = new Worker(url);
  worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => onReply(data));
  worker.addEventListener('error', ({ message }) =>
    onFailure(`it failed: ${message || 'it was not started'}`),
  );
  return {
    post: (request) => worker.postMessage(request, { transfer: [] }),
    ref: () => undefined,
    unref: () => undefined,
    terminate: () => {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
}

/** Whether threads can share memory here: not in a page that is not isolated, nor where this thread must not wait. */
export function canShareMemory(): boolean {
  if ((globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === false) return false;
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0); // a page's main thread must not, and throws
    return true;
  } catch {
    return false;
  }
}

/**
 * Models to train at once: one per core. More would win nothing, have all their engines in memory (V8 has addresses for
 * about a hundred of their memories), and be done only at the end, all together.
 */
export function modelsAtOnce(): number {
  return canShareMemory() ? coreCount() : 1;
}

/** Workers for engines of several models, one after another: they take longer to start than a small model to train. */
export function startWorkers(count: number): WasmWorker[] {
  return Array.from({ length: count }, (_, i) => new WasmWorker(`cpu: worker thread ${i + 1}`));
}

/** Threads that this machine runs at once. */
export function coreCount(): number {
  return nodeModule('node:os')?.availableParallelism() ?? navigator.hardwareConcurrency;
}

type GetBuiltinModule = typeof globalThis.process.getBuiltinModule;

/** A module of Node's, or undefined in a page: without an import, which a page's bundle could not have. */
const nodeModule = ((name: string) => {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  return process?.getBuiltinModule?.(name);
}) as GetBuiltinModule;
