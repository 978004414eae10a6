// An engine in a thread of its own, for steps so long that this thread could not answer a signal meanwhile: the built
// command starts itself a second time, as a worker.

import { parentPort, Worker, workerData } from 'node:worker_threads';
import type { Engine, EngineInfo, EngineSpec } from '../engine/engine.ts';
import type { LocalEngine } from '../engine/choice.ts';
import { createEngine, stepFlops } from '../engine/choose.ts';
import { ConfigError, DataError, DeviceError, MicrogptError, ShapeError } from '../util/errors.ts';

/** A step of at least this many floating-point operations takes tenths of a second on a slow machine. */
const LONG_STEP: Record<LocalEngine['name'], number> = { oracle: 1e7, cpu: 5e8 };

type Call = Exclude<keyof Engine, 'info' | 'size' | 'latency' | 'generate' | 'dispose'>;
const CALLS: readonly Call[] = [
  'advance',
  'gradients',
  'evaluate',
  'parameters',
  'state',
  'load',
  'prefill',
  'decode',
];

interface Reply {
  readonly id: number;
  readonly info: EngineInfo;
  readonly result?: unknown;
  readonly error?: { readonly name: string; readonly message: string };
}

/** The engine in another thread, where its steps are long. */
export async function engineAway(local: LocalEngine, spec: EngineSpec): Promise<Engine | undefined> {
  if (operations(spec) < LONG_STEP[local.name]) return undefined;
  // Without this process's options and environment, which may preload modules.
  const worker = new Worker(new URL(import.meta.url), { workerData: { local, spec }, execArgv: [], env: {} });
  const pending = new Map<number, (reply: Reply | Error) => void>();
  let failure: Error | undefined;
  const fail = (error: Error) => {
    failure ??= error;
    for (const settle of pending.values()) settle(failure);
    pending.clear();
  };
  worker.on('message', (reply: Reply) => {
    pending.get(reply.id)?.(reply);
    pending.delete(reply.id);
  });
  worker.on('error', (error: NodeJS.ErrnoException) =>
    fail(
      error.code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? new MicrogptError(
            `${local.name}: a step does not fit into memory. Use a smaller model, batch or block.`,
          )
        : error,
    ),
  );
  worker.on('exit', () => fail(new ConfigError('engine: used after dispose(). Make a new one.')));

  let info!: EngineInfo;
  let ids = 0;
  const wait = (id: number) =>
    new Promise<unknown>((resolve, reject) => {
      if (failure !== undefined) return reject(failure);
      pending.set(id, (reply) => {
        if (reply instanceof Error) return reject(reply);
        info = reply.info;
        return reply.error === undefined ? resolve(reply.result) : reject(revived(reply.error));
      });
    });
  const calls = CALLS.map((call) => {
    const ask = (...args: unknown[]) => {
      const answer = wait(++ids);
      worker.postMessage({ id: ids, call, args }, []);
      return answer;
    };
    return [call, ask] as const;
  });
  try {
    await wait(0); // until the engine is made
  } catch (error) {
    void worker.terminate();
    throw error;
  }
  return {
    ...(Object.fromEntries(calls) as unknown as Pick<Engine, Call>),
    size: 1,
    get info() {
      return info;
    },
    dispose: () => void worker.terminate(),
  };
}

/** The worker's side: answers calls with its engine. */
export async function serveEngine(): Promise<void> {
  const { local, spec } = workerData as { local: LocalEngine; spec: EngineSpec };
  let engine: Engine | undefined;
  const answer = async (id: number, work: () => Promise<unknown>) => {
    let reply: Omit<Reply, 'info'>;
    try {
      reply = { id, result: await work() };
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      reply = { id, error: { name, message } };
    }
    parentPort!.postMessage({ ...reply, info: engine?.info }, []);
  };
  await answer(0, async () => {
    const { name, ...options } = local;
    const chosen = await createEngine(
      { engine: name, launch: 'auto', gpu: async () => undefined, ...options },
      spec,
    );
    engine = chosen.engine;
  });
  parentPort!.on('message', ({ id, call, args }: { id: number; call: Call; args: never[] }) => {
    void answer(id, () => (engine![call] as (...args: never[]) => Promise<unknown>)(...args));
  });
}

/** Floating-point operations of a step: those of stepFlops, and attention's. */
function operations(spec: EngineSpec): number {
  const { model, training, documents } = spec;
  const tokens = Math.min(model.blockSize, documents.tokens.length / documents.count - 1);
  return stepFlops(spec) + 12 * model.nLayer * model.nEmbd * tokens ** 2 * training.batchSize;
}

/** The error that was sent as a message, with its class. */
function revived({ name, message }: NonNullable<Reply['error']>): Error {
  const kinds = [ConfigError, DataError, DeviceError, MicrogptError, RangeError, ShapeError];
  const Kind = kinds.find((kind) => kind.name === name) ?? Error;
  return new Kind(message);
}
