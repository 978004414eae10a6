// An error -> one or two lines for the user, and the exit status.

import { CommanderError } from 'commander';
import type { ErrorRecord } from '../train/records.ts';
import { ConfigError, MicrogptError } from '../util/errors.ts';
import { printable } from './output.ts';

export const FAILED = 1;
export const WRONG_USAGE = 2;

/** What V8 throws where an array or a text is larger than it can make. */
const TOO_LARGE = /allocation failed|invalid (typed )?array (buffer )?length|invalid string length/i;

/**
 * Prints `error` on standard error, with --json as a record on standard output too; the stack only with --verbose.
 * `help` is the command line that shows the options of the command. Gives the exit status.
 */
export function reportError(error: unknown, argv: readonly string[], help: string): number {
  const { type, message, status } = describe(error, help);
  const text = printable(message).split('\n').slice(0, 2).join('\n');
  if (argv.includes('--json')) {
    const record: ErrorRecord = { type: 'error', error: type, message: text };
    process.stdout.write(`${JSON.stringify(record)}\n`);
  }
  process.stderr.write(`error: ${text}\n`);
  if (argv.includes('--verbose')) process.stderr.write(`${stackOf(error)}\n`);
  return status;
}

function describe(error: unknown, help: string): { type: string; message: string; status: number } {
  if (error instanceof CommanderError) {
    const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    return { type: 'UsageError', message: `${message}\nSee ${help}.`, status: WRONG_USAGE };
  }
  if (error instanceof MicrogptError) {
    const status = error instanceof ConfigError ? WRONG_USAGE : FAILED;
    return { type: error.name, message: error.message, status };
  }
  if (error instanceof RangeError && TOO_LARGE.test(error.message)) {
    const message = `Not enough memory (${error.message}): choose a smaller model, batch or text.`;
    return { type: 'MemoryError', message, status: FAILED };
  }
  const what = error instanceof Error ? `${error.name}: ${error.message.split('\n', 1)[0]}` : String(error);
  const message = `Unexpected ${what}\nThis is a bug in microgpt: please report it with what --verbose prints.`;
  return { type: 'InternalError', message, status: FAILED };
}

/** The stack, with those of the causes. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? error.message;
  return error.cause === undefined ? stack : `${stack}\ncaused by ${stackOf(error.cause)}`;
}
