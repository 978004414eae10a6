// Prints `N passed, N failed, N skipped` from vitest's JSON reports. Arguments: the exit status of everything that ran, and the
// reports' paths (they may be missing). A status that no failed test explains counts as one.

import { existsSync, readFileSync } from 'node:fs';

const [status = '1', ...paths] = process.argv.slice(2);
let passed = 0;
let failed = 0;
let skipped = 0;
for (const path of paths.filter((name) => existsSync(name))) {
  for (const file of JSON.parse(readFileSync(path, 'utf8')).testResults) {
    let failedHere = 0;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') passed++;
      else if (test.status === 'failed') failedHere++;
      else skipped++; // skipped, pending, todo, disabled
    }
    // A file that cannot be loaded, or whose beforeAll throws, has failed without a failed test.
    failed += file.status === 'failed' ? Math.max(1, failedHere) : failedHere;
  }
}
if (status !== '0' && failed === 0) failed = 1;
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
