// A headless Chromium with WebGPU on SwiftShader, and a server for what it is to open: for tests of the page.
// The browser comes from npm (@sparticuz/chromium, Linux x64); MICROGPT_TEST_CHROMIUM=/path/to/chrome names another.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, LaunchOptions } from 'playwright-core';
import { softwareVulkanAvailable } from './swiftshader.mjs';
import { chromiumPackage, unpackOnce } from './unpack.mjs';

const named = process.env['MICROGPT_TEST_CHROMIUM'];

/** Why the tests that need a browser cannot run, or '' where they can: `describe.skipIf(noChromium)`. */
export const noChromium: string =
  named !== undefined || softwareVulkanAvailable()
    ? ''
    : 'No Chromium from npm on this system: set MICROGPT_TEST_CHROMIUM to the path of a Chrome or Chromium.';

/**
 * Starts a browser of your own; close it in afterAll. The first start unpacks 190 MB, which takes some seconds.
 * WebGPU runs on SwiftShader, whatever GPU the machine has, where the browser is npm's.
 */
export async function launchChromium(): Promise<Browser> {
  const { chromium } = await import('playwright-core'); // here, so that tests that skip do not need it
  return chromium.launch(launchOptions());
}

/** The same, with all that it keeps in `profile`, a directory. */
export async function launchWithProfile(profile: string): Promise<BrowserContext> {
  const { chromium } = await import('playwright-core');
  return chromium.launchPersistentContext(profile, { ...launchOptions(), serviceWorkers: 'block' });
}

function launchOptions(): LaunchOptions {
  const args = [
    '--enable-unsafe-webgpu', // Chromium offers no WebGPU on Linux without it
    '--enable-dawn-features=disable_workgroup_init', // for SwiftShader's sake: see swiftshader.mjs
    '--no-sandbox', // root has none, and neither has a container
    '--disable-dev-shm-usage', // a container's /dev/shm has 64 MB
  ];
  if (named !== undefined) return { executablePath: named, args };
  const source = chromiumPackage();
  if (source === undefined) throw new Error(noChromium);
  // In one directory: Chromium looks for SwiftShader beside its own executable.
  const archives = ['chromium.br', 'swiftshader.tar.br', 'al2023.tar.br', 'fonts.tar.br'];
  const directory = unpackOnce(source, 'chromium', archives);
  return {
    executablePath: join(directory, 'chromium'),
    args,
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      // nss, nspr and expat, which a bare machine lacks.
      LD_LIBRARY_PATH: [join(directory, 'lib'), process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':'),
      // A machine without a font draws no text, and the package's own fonts.conf looks in fixed places.
      FONTCONFIG_FILE: fileURLToPath(new URL('fonts.conf', import.meta.url)),
      XDG_DATA_HOME: directory,
    },
  };
}

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
};

export interface Served {
  /** http://localhost:port/ (a secure context, as WebGPU wants it). */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the files of a folder on a free port of this machine, with `headers` of your own. */
export async function serveFolder(folder: string, headers: Record<string, string> = {}): Promise<Served> {
  const root = normalize(folder + sep);
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    const file = normalize(join(root, path.endsWith('/') ? `${path}index.html` : path));
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    (file.startsWith(root) ? readFile(file) : Promise.reject(new Error('outside'))).then(
      (body) => response.writeHead(200, { 'content-type': type, ...headers }).end(body),
      () => response.writeHead(404).end('not found'),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
