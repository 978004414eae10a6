// The browsers of test:all, each on the software Vulkan driver: Chromiums of other years, and the machine's Firefox. One driver
// for all of them, puppeteer: it speaks WebDriver BiDi to any Firefox, and to old Chromiums.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inject } from 'vitest';
import { chromiumPackage, unpackOnce } from '../../support/unpack.mjs';

/** Where setup.ts installs, and why it did not, or ''. */
export const { folder, missing } = inject('tools');

/** What is used of puppeteer's, which is no dependency of the project. */
export interface Page {
  goto(url: string): Promise<unknown>;
  evaluate<T, A extends unknown[]>(run: (...args: A) => T, ...args: A): Promise<Awaited<T>>;
  evaluateOnNewDocument(run: () => void): Promise<unknown>;
  on(event: 'pageerror', listener: (error: Error) => void): void;
  close(): Promise<void>;
}
export interface Browser {
  newPage(): Promise<Page>;
  version(): Promise<string>;
  close(): Promise<void>;
}
interface Puppeteer {
  launch(options: Record<string, unknown>): Promise<Browser>;
}

async function launch(options: Record<string, unknown>): Promise<Browser> {
  const entry = createRequire(join(folder, 'package.json')).resolve('puppeteer-core');
  const { default: puppeteer } = (await import(pathToFileURL(entry).href)) as { default: Puppeteer };
  // A software adapter compiles for minutes where the machine is busy.
  return puppeteer.launch({ protocolTimeout: 600_000, timeout: 120_000, ...options });
}

const FLAGS = ['--enable-unsafe-webgpu', '--no-sandbox', '--disable-dev-shm-usage'];

/** Until Chromium 130 or so it offers WebGPU on Linux only where it draws with Vulkan itself. */
const SOFTWARE_VULKAN = [
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--use-angle=swiftshader',
  '--ignore-gpu-blocklist',
  '--enable-dawn-features=disable_workgroup_init', // see swiftshader.mjs
];

/** A Chromium of `tools/package.json`. Without `webgpu` it has no adapter. */
export function launchChromium(version: 116 | 123, { webgpu = true } = {}): Promise<Browser> {
  const own = unpackOnce(packageOf(`chromium-${version}`), 'chromium', ['chromium.br', 'swiftshader.tar.br']);
  return launch({
    executablePath: join(own, 'chromium'),
    headless: 'shell',
    args: webgpu ? [...FLAGS, ...SOFTWARE_VULKAN] : FLAGS,
    env: { ...process.env, ...chromiumEnvironment(own) },
  });
}

/** Why there is no Firefox to test, or ''. */
export function noFirefox(): string {
  if (missing !== '') return missing;
  const { status, stdout } = spawnSync(firefox, ['--version'], { encoding: 'utf8' });
  if (status !== 0)
    return `no ${firefox} on this machine: install it, or set MICROGPT_TEST_FIREFOX to its path.`;
  const version = Number(/Firefox (\d+)/.exec(stdout)?.[1]);
  return version >= 141 ? '' : `${stdout.trim()} has no WebGPU on Linux: it takes 141 or newer.`;
}

const firefox = process.env['MICROGPT_TEST_FIREFOX'] ?? 'firefox-esr';

export function launchFirefox(): Promise<Browser> {
  return launch({
    browser: 'firefox',
    executablePath: spawnSync('which', [firefox], { encoding: 'utf8' }).stdout.trim() || firefox,
    headless: true,
    // What gpu-help.ts tells people to set.
    extraPrefsFirefox: { 'dom.webgpu.enabled': true, 'gfx.webgpu.ignore-blocklist': true },
    env: { ...process.env, ...vulkanEnvironment() },
  });
}

/** For programs that load Vulkan: its loader, and SwiftShader as the one driver, from `directory`. */
export function vulkanEnvironment(directory = swiftshader()): Record<string, string> {
  const driver = join(directory, 'vk_swiftshader_icd.json');
  return { VK_ICD_FILENAMES: driver, VK_DRIVER_FILES: driver, LD_LIBRARY_PATH: libraries(directory) };
}

function swiftshader(): string {
  return unpackOnce(chromiumPackage()!, 'swiftshader', ['swiftshader.tar.br']);
}

/** For an old Chromium: its own driver, and the libraries and fonts that a bare machine lacks, from the Chromium of `npm test`. */
function chromiumEnvironment(own: string): Record<string, string> {
  const shared = unpackOnce(chromiumPackage()!, 'system', ['al2023.tar.br', 'fonts.tar.br']);
  return {
    ...vulkanEnvironment(own),
    NODE_OPTIONS: '',
    LD_LIBRARY_PATH: libraries(own, join(shared, 'lib')),
    FONTCONFIG_FILE: fileURLToPath(new URL('../../support/fonts.conf', import.meta.url)),
    XDG_DATA_HOME: shared,
  };
}

function libraries(...directories: string[]): string {
  return [...directories, process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':');
}

function packageOf(name: string): { bin: string; version: string } {
  const root = join(folder, 'node_modules', name);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return { bin: join(root, 'bin'), version };
}
