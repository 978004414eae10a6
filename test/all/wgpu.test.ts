// The WebGPU engine on wgpu, whose compiler naga is Firefox's: under Deno, where nothing else of a browser is.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'vite';
import { beforeAll, describe, expect, it } from 'vitest';
import { LAUNCH_STRATEGIES } from '../../src/engine/choice.ts';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import { OPS } from '../../src/ops/index.ts';
import type { PreparedRun } from '../../src/train/prepare.ts';
import { largestDifference, LOSS_BAR, type Check } from '../../src/verify/check.ts';
import { ROOT } from '../support/build.ts';
import { folder, missing, vulkanEnvironment } from './support/browsers.ts';
import { PHASE_RUN, population, trainingRun, type Job } from './support/wgpu-subjects.ts';

const PROGRAM = join(folder, 'wgpu', 'cli.js'); // the name that vite.config.ts gives what is built for a program

/** The records that a job prints. Throws what it says where it fails. */
function underDeno<T>(job: Job): Promise<T[]> {
  const deno = join(folder, 'node_modules', '@deno', 'linux-x64-glibc', 'deno');
  const env = { ...process.env, ...vulkanEnvironment(), DENO_DIR: join(folder, 'deno'), NO_COLOR: '1' };
  return new Promise((resolve, reject) => {
    const child = spawn(deno, ['run', '--unstable-webgpu', '--allow-all', PROGRAM, job], { env });
    let [output, errors] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.on('error', reject);
    child.on('close', (status, signal) => {
      const lines = output.split('\n').filter((line) => line !== '');
      if (status === 0) resolve(lines.map((line) => JSON.parse(line) as T));
      else reject(new Error(`${job} under Deno: ${signal ?? `exit status ${status}`}\n${errors.trim()}`));
    });
  });
}

async function oracleLosses({ spec }: PreparedRun): Promise<ArrayLike<number>> {
  const engine = createOracleEngine(spec);
  const losses = await engine.advance(spec.training.steps);
  engine.dispose();
  return losses;
}

describe.skipIf(missing)('on wgpu', () => {
  beforeAll(async () => {
    const ssr = join(ROOT, 'test', 'all', 'support', 'wgpu-jobs.ts');
    await build({ root: ROOT, logLevel: 'warn', build: { ssr, outDir: join(folder, 'wgpu') } });
  });

  it('passes every check of verify', async () => {
    const [adapter, ...checks] = await underDeno<Check>('verify');
    console.log(`Deno's adapter: ${JSON.stringify(adapter)}`);
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
    expect(checks).toHaveLength(OPS.length + 3 * LAUNCH_STRATEGIES.length);
  });

  it.each([...LAUNCH_STRATEGIES, 'auto'] as const)(
    'trains with launch %s as the oracle does',
    async (launch) => {
      const [{ reason, losses }] = await underDeno<{ reason: string; losses: number[] }>(launch);
      const taken = launch === 'auto' ? '(graph|fused|resident)' : launch;
      expect(reason).toMatch(new RegExp(`^webgpu \\(${taken}\\) on .*software, not a GPU`));
      expect(reason).not.toContain('; not '); // `auto` could try them all
      expect(largestDifference(losses, await oracleLosses(trainingRun()))).toBeLessThan(LOSS_BAR);
    },
  );

  it('trains a population, each model as the oracle does', async () => {
    const [losses] = await underDeno<number[][]>('population');
    const source = population();
    expect(losses).toHaveLength(source.size);
    for (const [i, own] of losses.entries()) {
      const alone = trainingRun(source.member(i).training);
      expect(largestDifference(own, await oracleLosses(alone))).toBeLessThan(LOSS_BAR);
    }
  });

  it('runs the kernel with which the report measures workgroups', async () => {
    const [numbers] = await underDeno<number[]>('phases');
    expect(numbers).toEqual(Array.from({ length: PHASE_RUN.invocations }, () => PHASE_RUN.phases));
  });
});
