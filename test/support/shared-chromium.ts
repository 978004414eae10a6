// The browser that suites share.

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { launchChromium } from './chromium.ts';

let shared: Promise<Browser> | undefined;

/**
 * The browser that the suites of this process share, one after the other; at the end of the suite that calls this, its contexts
 * are closed. It ends with the process.
 */
export function useChromium(): { readonly browser: Browser } {
  let browser: Browser;
  beforeAll(async () => {
    if (shared !== undefined && !(await shared).isConnected()) shared = undefined;
    browser = await (shared ??= launchChromium());
  });
  afterAll(async () => {
    await Promise.all(browser?.contexts().map((context) => context.close()) ?? []);
  });
  return {
    get browser() {
      return browser;
    },
  };
}
