// What a page knows of the machine it runs on.

import { version } from '../../../package.json';
import type { MeasureOptions } from '../../report/measure/measure.ts';

/** Newer than the types: Chrome's and Edge's plain words for the system. */
interface PlatformHints {
  readonly userAgentData?: { readonly platform?: string };
}

/** `name` is what a person calls this machine; browser, system and threads unless told. */
export function describeBrowser(
  name: string,
  browser: Pick<Navigator, 'userAgent' | 'hardwareConcurrency'> & PlatformHints = navigator,
): MeasureOptions['machine'] {
  const runtime = browserName(browser.userAgent);
  const os = browser.userAgentData?.platform || systemName(browser.userAgent);
  const cores = browser.hardwareConcurrency;
  return {
    name: name.trim() || `${runtime} on ${os}, ${cores} threads`,
    cpu: 'not told by the browser',
    cores,
    memoryBytes: null, // browsers round it to powers of two, and say 8 GB at most
    os,
    runtime,
    dawn: null,
    version,
    commit: null,
    flags: [],
  };
}

/** Those that name others in their own name come first. */
const BROWSERS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['Edge', /Edg\w*\/([\d.]+)/],
  ['Opera', /OPR\/([\d.]+)/],
  ['Firefox', /Firefox\/([\d.]+)/],
  ['Chrome', /(?:Headless)?Chrome\/([\d.]+)/],
  ['Safari', /Version\/([\d.]+).*Safari/],
];

function browserName(userAgent: string): string {
  for (const [name, pattern] of BROWSERS) {
    const found = pattern.exec(userAgent);
    if (found !== null) return `${name} ${found[1]}`;
  }
  return 'unknown browser';
}

function systemName(userAgent: string): string {
  if (/iPhone|iPad/.test(userAgent)) return 'iOS';
  if (/Android/.test(userAgent)) return 'Android';
  if (/Windows/.test(userAgent)) return 'Windows';
  if (/Mac OS X/.test(userAgent)) return 'macOS';
  return /Linux/.test(userAgent) ? 'Linux' : 'unknown system';
}
