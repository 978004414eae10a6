// What the commands print. Standard output carries the result: records as JSON lines with --json, else text like
// microgpt.py's, the same for two runs with the same seed. Figures that vary (times, the engine chosen) go to
// standard error.

import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { errorCode } from './files.ts';
import type { PrintedRecord } from './printed-records.ts';

export interface OutputOptions {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

export interface OutputStreams {
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable;
}

/** Records that are not the result. */
const DETAILS: readonly PrintedRecord['type'][] = ['config', 'sweep', 'step', 'measurement', 'verify'];

/** What stands in a file may be quoted in a note or an error, and must not command the terminal. */
export function printable(text: string): string {
  return text.replace(/[^\P{C}\n]/gu, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);
}

/** `microgpt train | head` closes the pipe, a terminal that goes away gives EIO: a reader who has had enough. */
export function isGone(error: unknown): boolean {
  return ['EPIPE', 'EIO'].includes(errorCode(error) ?? '');
}

export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  /** Standard output is a terminal and shows text: a line can be rewritten in place. */
  readonly live: boolean;
  #stdout: OutputStreams['stdout'];
  #stderr: OutputStreams['stderr'];
  #closed = new AbortController();
  #status = false; // the cursor stands in a line of progress

  constructor({ json = false, quiet = false }: OutputOptions, streams: OutputStreams = process) {
    this.#stdout = streams.stdout;
    this.#stderr = streams.stderr;
    this.json = json;
    this.quiet = quiet;
    this.live = this.#stdout.isTTY === true && !json && !quiet;
    // Nothing more can be printed: the work ends as soon as it can, and main says why.
    this.#stdout.on('error', (error) => this.#closed.abort(error));
    this.#stderr.on('error', () => {}); // nobody is left to tell
  }

  /** Aborted, with the error as its reason, once nothing can be printed on standard output any more. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** A line of JSON; nothing without --json. With --quiet, what is not the result is left out. */
  record(record: PrintedRecord): void {
    const detail = DETAILS.includes(record.type);
    if (this.json && !(this.quiet && detail)) this.#write(`${JSON.stringify(record)}\n`);
  }

  /** A line of text; nothing with --json. As it is where it goes to a file or a program, printable on a terminal. */
  line(text: string): void {
    if (!this.json) this.#write(`${this.#stdout.isTTY === true ? printable(text) : text}\n`);
  }

  /** A line of text that --quiet leaves out. */
  detail(text: string): void {
    if (!this.quiet) this.line(text);
  }

  /** A line for the person at the terminal, on standard error. */
  note(text: string): void {
    if (this.quiet) return;
    this.endStatus();
    this.#stderr.write(`${printable(text)}\n`);
  }

  /** A note on work that has ended early: because of a signal, or of standard output. */
  stopped(text: string): void {
    const why = this.closed.aborted && isGone(this.closed.reason) ? 'standard output was closed; ' : '';
    this.note(`${why}${text}`);
  }

  /** Width of the terminal. */
  get columns(): number {
    return this.#stdout.columns || 80; // some terminals say 0
  }

  /** Replaces the line of progress. */
  status(text: string): void {
    if (!this.live || this.closed.aborted) return;
    // A full line would wrap, and could not be rewritten then.
    this.#stdout.write(`\r${text.slice(0, this.columns - 1)}\x1b[K`);
    this.#status = true;
  }

  /** Leaves the line of progress as it is. */
  endStatus(): void {
    if (this.#status && !this.closed.aborted) this.#stdout.write('\n');
    this.#status = false;
  }

  /** Resolves when the reader has kept up: a slow one must not fill the memory. */
  async drained(): Promise<void> {
    if (this.closed.aborted || !this.#stdout.writableNeedDrain) return;
    await once(this.#stdout, 'drain', { signal: this.closed }).catch(() => {}); // closed: nothing to wait for
  }

  #write(text: string): void {
    if (this.closed.aborted) return;
    this.endStatus();
    this.#stdout.write(text);
  }
}
