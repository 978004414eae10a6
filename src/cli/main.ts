#!/usr/bin/env node
// The command `microgpt`. Exit status: 0 done, 1 failed, 2 wrong usage, 130 stopped by a signal, 141 standard output was
// closed before the end.

import { fstatSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { CommanderError } from 'commander';
import { createProgram } from './program.ts';
import { MicrogptError } from '../util/errors.ts';
import { serveEngine } from './engine-away.ts';
import { reasonOf } from './files.ts';
import { outliveTerminal } from './interrupt.ts';
import { isGone } from './output.ts';
import { FAILED, reportError, WRONG_USAGE } from './report-error.ts';

/** 128 + SIGPIPE, as shells report for other programs whose reader has closed the pipe. */
const CLOSED = 141;

/** Of --help too. See Output, which ends the work then. */
let outputError: Error | undefined;
const argv = process.argv.slice(2);
let status = 0;
const program = createProgram((value) => {
  status = value;
});
const command = program.commands.find((own) => own.name() === argv[0]);
const help = command === undefined ? 'microgpt --help' : `microgpt ${command.name()} --help`;

if (isMainThread) {
  outliveTerminal();
  process.stdout.on('error', (error) => (outputError ??= error));
  process.stderr.on('error', () => {}); // nobody is left to tell
  if (writesFile()) writeWhole();
  // A bug may throw outside the command's own promise.
  process.on('uncaughtException', (error) => process.exit(reportError(error, argv, help)));
  process.exit(statusOf(await main()));
} else await serveEngine();

/** Whether standard output is a file; not every system tells of its terminals. */
function writesFile(): boolean {
  try {
    return fstatSync(1).isFile();
  } catch {
    return false;
  }
}

/**
 * Node does not check how much of a write to a file the system accepted: on a disk that fills up, the rest would be lost
 * without an error.
 */
function writeWhole(): void {
  const value = (chunk: Uint8Array, _encoding: unknown, done: (error?: unknown) => void) => {
    try {
      writeFileSync(1, chunk);
      done();
    } catch (error) {
      done(error);
    }
  };
  Object.defineProperty(process.stdout, '_write', { value });
}

/** The exit status, where the command itself has `ended` with one. */
function statusOf(ended: number): number {
  if (outputError === undefined || ended === FAILED || ended === WRONG_USAGE) return ended;
  if (isGone(outputError)) return ended === 0 ? CLOSED : ended;
  return reportError(
    new MicrogptError(`standard output: ${reasonOf(outputError)}.`, { cause: outputError }),
    argv,
    help,
  );
}

async function main(): Promise<number> {
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    status = helpStatus(error) ?? reportError(error, argv, help);
  }
  // Pipes are written to in the background on Windows: wait until all has gone out.
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
  return status;
}

/** Where commander printed what was asked for, or the help because no command was given. */
function helpStatus(error: unknown): number | undefined {
  if (!(error instanceof CommanderError)) return undefined;
  if (error.exitCode === 0) return 0; // --help, --version
  return error.code === 'commander.help' ? WRONG_USAGE : undefined;
}
