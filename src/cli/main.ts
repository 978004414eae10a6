#!/usr/bin/env node
// The command `microgpt`. Exit status: 0 done, 1 failed, 2 wrong usage, 130 stopped by a signal.

import { CommanderError } from 'commander';
import { createProgram } from './program.ts';
import { reportError, WRONG_USAGE } from './report-error.ts';

// A reader who has had enough, of --help too: see Output, which ends the work then.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
});

const argv = process.argv.slice(2);
let status = 0;
const program = createProgram((value) => {
  status = value;
});
const command = program.commands.find((own) => own.name() === argv[0]);
const help = command === undefined ? 'microgpt --help' : `microgpt ${command.name()} --help`;
// Whatever a bug throws outside the command's own promise.
process.on('uncaughtException', (error) => process.exit(reportError(error, argv, help)));
process.exit(await main());

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
