// What a report says of the machine it was measured on, as far as Node knows.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version } from '../../package.json';
import type { MeasureOptions } from '../report/measure/measure.ts';
import { dawnFlags } from '../webgpu/node-gpu.ts';
import { webgpuVersion } from './gpu.ts';

/** Where the package lies: this is dist/cli.js when it is built, and src/cli/machine.ts in tests. */
const HERE = dirname(fileURLToPath(import.meta.url));
export const PACKAGE = basename(HERE) === 'cli' ? dirname(dirname(HERE)) : dirname(HERE);

/** `name` is what a person calls this machine; its processor unless told. */
export function describeMachine(name: string | undefined): MeasureOptions['machine'] {
  const cores = cpus();
  const cpu = cores[0]?.model.trim() ?? 'unknown';
  return {
    name: name ?? `${cores.length} × ${cpu}`,
    cpu,
    cores: cores.length,
    memoryBytes: totalmem(),
    os: `${platform()} ${release()} ${arch()}`,
    runtime: `Node ${process.versions.node} (V8 ${process.versions.v8})`,
    dawn: webgpuVersion(),
    version,
    commit: commitOf(PACKAGE),
    flags: [...runtimeFlags(), ...dawnFlags()],
  };
}

/** The commit of the checkout in `directory`, with `+` where files differ from it; null where it is none. */
export function commitOf(directory: string): string | null {
  // A package in someone's node_modules must not take the commit of the repository around it for its own.
  if (!existsSync(join(directory, '.git'))) return null;
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', directory, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  try {
    const commit = git('rev-parse', 'HEAD').trim();
    return git('status', '--porcelain') === '' ? commit : `${commit}+`;
  } catch {
    return null; // no git here
  }
}

/** Options of Node, without the directories in them: they are nobody's business and change no figure. */
function runtimeFlags(): string[] {
  const own = process.env['NODE_OPTIONS']?.split(/\s+/).filter(Boolean) ?? [];
  return [...process.execArgv, ...own].map((flag) => flag.replace(/(file:\/\/)?\/\S*\//, '…/'));
}
