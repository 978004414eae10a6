// A peer in a process of its own (bench/peers/problem.py), timed on demand.

import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Contestant } from './rounds.ts';

/** What a peer says about itself once its losses are right. */
export interface About {
  readonly name: string;
  readonly version: string;
  readonly device: string;
  readonly steps: number;
  /** Of its losses from ours. */
  readonly maxDifference: number;
}

export class Peer implements Contestant {
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
    throw new Error(`${name}: ${last}`);
  }

  /** Microseconds a step. */
  async round(): Promise<number> {
    this.child.stdin.write('\n');
    const { done, value } = await this.lines.next();
    if (done === true) throw new Error(`${this.name}: ended in the middle of the bench.`);
    return (JSON.parse(value) as { microseconds: number }).microseconds;
  }

  stop(): void {
    this.child.stdin.end();
  }
}
