// A peer in a process of its own (bench/peers/problem.py), timed on demand: for `microgpt report` and for the bench.

import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { EngineSpec } from '../engine/engine.ts';
import { parameterSpecs } from '../model/parameters.ts';
import { encodeSafetensors } from '../train/safetensors.ts';
import { MicrogptError } from '../util/errors.ts';

/** Package, program in bench/peers and its mode. */
export const PEER_MODES = [
  ['numpy', 'numpy_train.py', 'f64'],
  ['numpy', 'numpy_train.py', 'f32'],
  ['torch', 'torch_train.py', 'eager'],
  ['torch', 'torch_train.py', 'compile'],
  ['torch', 'torch_train.py', 'graphs'], // CUDA graphs
] as const;

/** 1e-4 of a loss, and of 1 where it is less: f32 loses of logits what grows with them, as a loss does that is far above chance. */
const LOSS_BAR = 1e-4;
/** Another implementation may be so many times as far from f64 as ours in plain f32 has been up to a step. */
const DRIFT = 8;

/**
 * How far the f32 losses of another implementation may lie from `losses`. Training carries rounding on: Adam's first steps give a
 * gradient that is nothing but rounding the size of any other. `single` are the losses of the same training in plain f32, where
 * they are known: as far as they have come from f64, others may as well.
 */
export function lossBars(losses: Float64Array, single: Float64Array = losses): number[] {
  let drift = 0;
  return Array.from(losses, (loss, step) => {
    if (step > 0) drift = Math.max(drift, Math.abs(single[step] - loss)); // no update comes before the first loss
    return LOSS_BAR * Math.max(1, loss) + DRIFT * drift;
  });
}

/** What bench/peers/problem.py reads: the training, the losses that it must give, and how nearly in f32. */
export function writeProblem(
  folder: string,
  { model, training, parameters, documents }: EngineSpec,
  losses: Float64Array,
  bars: readonly number[] = lossBars(losses),
): void {
  mkdirSync(folder, { recursive: true });
  const tensors = new Map(
    parameterSpecs(model).map(({ name, shape, offset, size }) => {
      return [name, { shape, data: parameters.slice(offset, offset + size) }];
    }),
  );
  const { tokens, offsets } = documents;
  const problem = { model, training, tokens: [...tokens], offsets: [...offsets], losses: [...losses], bars };
  writeFileSync(join(folder, 'init.safetensors'), encodeSafetensors({ tensors, metadata: {} }));
  writeFileSync(join(folder, 'problem.json'), JSON.stringify(problem));
}

/** What a peer says about itself once its losses are right. */
export interface About {
  readonly name: string;
  readonly version: string;
  readonly device: string;
  readonly steps: number;
  /** Of its losses from ours. */
  readonly maxDifference: number;
}

export class Peer {
  readonly name: string;
  readonly about: About;
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;

  private constructor(about: About, child: ChildProcessWithoutNullStreams, lines: AsyncIterator<string>) {
    this.name = about.name;
    this.about = about;
    this.child = child;
    this.lines = lines;
  }

  /** The peer, or why it cannot run: a package that is missing, in Python's words. Throws where its losses are wrong. */
  static async start(name: string, python: string, args: readonly string[]): Promise<Peer | string> {
    const child = spawn(python, args, { stdio: 'pipe' });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    child.on('error', (error) => (complaint += error.message));
    child.stdin.on('error', () => {}); // it ended before it read: `round` says so
    const closed = new Promise<void>((resolve) => void child.on('close', () => resolve()));
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done !== true) return new Peer(JSON.parse(first.value) as About, child, lines);
    await closed;
    const last = complaint.trim().split('\n').at(-1) ?? '';
    if (/^(ModuleNotFoundError|ImportError|spawn .* ENOENT)/.test(last)) return last;
    throw new MicrogptError(`${name}: ${last}`);
  }

  /** Microseconds a step. */
  async round(): Promise<number> {
    this.child.stdin.write('\n');
    const { done, value } = await this.lines.next();
    if (done === true) throw new MicrogptError(`${this.name}: ended in the middle of its timing.`);
    return (JSON.parse(value) as { microseconds: number }).microseconds;
  }

  stop(): void {
    this.child.stdin.end();
  }
}
