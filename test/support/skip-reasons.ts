// Says at the end of a run why tests were skipped.

import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { noChromium } from './chromium.ts';

export class SkipReasons implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const reasons = new Map<string, number>();
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const reason = reasonOf(test);
        if (reason) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      }
    }
    for (const [reason, count] of reasons) console.log(`Skipped ${count}: ${reason}`);
  }
}

/** Its own, or what all tests of its kind lack; none where the command line asked for others. */
function reasonOf(test: TestCase): string | undefined {
  const result = test.result();
  if (result.state === 'skipped' && result.note) return result.note;
  if (test.project.name === 'page') return noChromium;
  return process.env['MICROGPT_TEST_NO_ADAPTER'];
}
