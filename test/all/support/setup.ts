// Before the tests of test/all: installs what only they need.

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { ROOT } from '../../support/build.ts';
import { softwareVulkanAvailable } from '../../support/swiftshader.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the tools are, and why they are not, or ''. */
    tools: { readonly folder: string; readonly missing: string };
  }
}

const FOLDER = join(ROOT, '.cache', 'test-all');
const TOOLS = join(ROOT, 'test', 'all', 'tools');

/** What npm says where it cannot reach the registry. */
const OFFLINE =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|SOCKET_TIMEOUT|E50\d|ENOTCACHED/;

export default function setup(project: TestProject): void {
  const missing = softwareVulkanAvailable()
    ? installTools()
    : `The browsers and their software Vulkan driver are for Linux x64, this is ${process.platform}-${process.arch}.`;
  if (missing !== '') console.warn(`The tests in other browsers and under Deno are SKIPPED. ${missing}`);
  project.provide('tools', { folder: FOLDER, missing });
}

/** Into FOLDER, once for each lockfile. Gives why not where npm cannot reach the registry; throws where it fails otherwise. */
function installTools(): string {
  const lockfile = readFileSync(join(TOOLS, 'package-lock.json'), 'utf8');
  const installed = join(FOLDER, 'installed');
  if (existsSync(installed) && readFileSync(installed, 'utf8') === lockfile) return '';
  mkdirSync(FOLDER, { recursive: true });
  for (const name of ['package.json', 'package-lock.json'])
    copyFileSync(join(TOOLS, name), join(FOLDER, name));
  console.log('test:all installs old browsers and Deno, 100 MB, into .cache/test-all.');
  const { status, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd: FOLDER,
    encoding: 'utf8',
  });
  if (status !== 0) {
    const code = /npm (?:error|ERR!) code (\S+)/.exec(stderr)?.[1] ?? '';
    if (OFFLINE.test(code))
      return `npm could not install old browsers, Deno and puppeteer: the registry cannot be reached (${code}).`;
    throw new Error(`npm ci failed in ${FOLDER}, where test:all installs what it needs:\n${stderr.trim()}`);
  }
  writeFileSync(installed, lockfile);
  return '';
}
