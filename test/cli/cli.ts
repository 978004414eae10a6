// Runs the built command in a process of its own.

import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const NAMES = fileURLToPath(new URL('../golden/names.txt', import.meta.url));
const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type Child = ChildProcessByStdio<Writable, Readable, Readable>;

export interface RunOptions {
  /** Standard input; empty unless given, left open where it is null. */
  readonly input?: string | Uint8Array | null;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Files that take the place of the pipes to standard output and standard error. */
  readonly stdout?: string;
  readonly stderr?: string;
  /** Flags of Node. */
  readonly flags?: readonly string[];
  /** Sees the process while it runs. */
  readonly during?: (child: Child) => void;
}

/** Runs `microgpt args`. SwiftShader is there only if `env` brings it. */
export function microgpt(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const env: NodeJS.ProcessEnv = { ...process.env };
  // Of the test runner's own process: a driver that is not loaded in the new one would only confuse.
  for (const name of ['NODE_OPTIONS', 'VK_ICD_FILENAMES', 'VK_DRIVER_FILES']) delete env[name];
  Object.assign(env, options.env);
  const files = [options.stdout, options.stderr].map((path) => path && openSync(path, 'a')) as (
    number | undefined
  )[];
  const child = spawn(process.execPath, [...(options.flags ?? []), CLI, ...args], {
    cwd: options.cwd,
    env,
    stdio: ['pipe', ...files.map((file) => file ?? ('pipe' as const))],
  }) as Child;
  for (const file of files) if (file !== undefined) closeSync(file);
  child.stdin.on('error', () => {}); // it may end without reading
  if (options.input !== null) child.stdin.end(options.input ?? '');
  let stdout = '';
  let stderr = '';
  // None where a file takes its place.
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  options.during?.(child);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

export interface JsonRecord {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** The records that --json printed. */
export function records(stdout: string): JsonRecord[] {
  const lines = stdout.split('\n');
  if (lines.pop() !== '') throw new Error(`the last line has no end: ${stdout}`);
  return lines.map((line) => JSON.parse(line) as JsonRecord);
}

export function ofType(all: readonly JsonRecord[], type: string): JsonRecord[] {
  return all.filter((record) => record.type === type);
}

export function losses(all: readonly JsonRecord[]): number[] {
  return ofType(all, 'step').map((record) => record['loss'] as number);
}

export function samples(all: readonly JsonRecord[]): string[] {
  return ofType(all, 'sample').map((record) => record['text'] as string);
}

/** A directory of this test, removed when it ends. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'microgpt-test-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
