// NumPy and PyTorch as rungs of the report's ladder.

import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { peerRungs } from '../../src/cli/peer-rungs.ts';
import { defaultSetting } from '../../src/report/measure/setting.ts';
import { temporaryDirectory } from './cli.ts';

/** Why NumPy cannot be timed here, or ''. */
function noNumpy(): string {
  try {
    execFileSync('python3', ['-c', 'import numpy'], { stdio: 'ignore' });
    return '';
  } catch {
    return 'python3 with NumPy is not installed';
  }
}

describe('peers', () => {
  const setting = defaultSetting();
  const reference = new Float64Array(10);
  const start = (id: string, python: string, directory?: string) =>
    peerRungs(python, 'quick', directory)
      .find((rung) => rung.id === id)!
      .start(setting, reference);

  it('are listed with the reason where they are not there', async () => {
    expect(await start('numpy-f64', 'python3', temporaryDirectory())).toMatch(/not installed.*checkout/);
    expect(await start('torch-compile', 'python3')).toMatch(/left out of --quick/);
    expect(await start('numpy-f32', 'no-such-python')).toMatch(
      /cannot run here: spawn no-such-python ENOENT/,
    );
  });

  it('NumPy trains the same losses and times itself', async ({ skip }) => {
    const reason = noNumpy();
    skip(reason !== '', reason);
    for (const [id, bar] of [
      ['numpy-f64', 1e-12],
      ['numpy-f32', 1e-5],
    ] as const) {
      const run = await start(id, 'python3');
      if (typeof run === 'string') throw new Error(run);
      expect(run.lossDifference).toBeLessThan(bar);
      expect(await run.round()).toBeGreaterThan(1);
      expect(await run.round()).toBeGreaterThan(1);
      run.stop();
    }
  });
});
