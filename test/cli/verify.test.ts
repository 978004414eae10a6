// microgpt verify and microgpt info --plan.

import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Output } from '../../src/cli/output.ts';
import { printChecks } from '../../src/cli/verify.ts';
import type { Check } from '../../src/verify/check.ts';
import { noAdapter } from '../support/device.ts';
import { softwareVulkanUrl } from '../support/software-vulkan.mjs';
import { microgpt, ofType, records } from './cli.ts';

/** No driver at all, whatever the machine has. */
const NO_ADAPTER = { VK_DRIVER_FILES: '/nonexistent.json', VK_ICD_FILENAMES: '' };

describe('verify', () => {
  it('checks the oracle and the CPU where there is no adapter, and says so', async () => {
    const { status, stdout } = await microgpt(['verify', '--json'], { env: NO_ADAPTER });
    const all = records(stdout);
    expect(all[0]).toMatchObject({ type: 'verify', engines: ['oracle', 'cpu'], adapter: null });
    expect(all[0]['problem']).toMatch(/adapter/i);
    const checks = ofType(all, 'check');
    expect(checks.filter((check) => !check['passed'])).toEqual([]);
    expect(all.at(-1)).toEqual({ type: 'done', passed: checks.length, failed: 0 });
    expect(status).toBe(0);
  });

  it('asked for WebGPU where there is none, fails in one or two lines', async () => {
    const { status, stdout, stderr } = await microgpt(['verify', '--engine', 'webgpu'], { env: NO_ADAPTER });
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/error: .*adapter/i);
  });

  it.skipIf(noAdapter)('names the adapter, and says that it is software', async () => {
    const env = { NODE_OPTIONS: `--import ${softwareVulkanUrl}` };
    const args = [
      'verify',
      '--engine',
      'webgpu',
      '--launch',
      'resident',
      '--limits',
      'default',
      '--cases',
      '1',
    ];
    const { status, stdout } = await microgpt(args, { env });
    expect(stdout).toMatch(/^adapter: \S.*, default limits\n/);
    expect(stdout).toMatch(/ok +rmsnorm +1 case /);
    expect(stdout).toMatch(/ok +webgpu resident: microgpt.py's defaults +200 losses/);
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^\d+ checks passed on \S/);
    if (process.env['MICROGPT_TEST_ADAPTER'] === 'software') expect(stdout).toContain('software, not a GPU');
    expect(status).toBe(0);
  });

  it('ends with status 1 and names what failed, with the place, where a check fails', async () => {
    let text = '';
    const stdout = new Writable({
      write(chunk: Buffer, _encoding, callback) {
        text += chunk.toString();
        callback();
      },
    });
    const good: Check = {
      type: 'check',
      group: 'kernels',
      name: 'add',
      compared: '6 cases',
      error: 1e-8,
      bar: 1e-5,
      passed: true,
      detail: '',
    };
    const bad: Check = { ...good, name: 'relu', error: NaN, passed: false, detail: 'out at [[3,4]]' };
    const checks = async function* () {
      yield good;
      yield bad;
    };
    const output = new Output({}, { stdout, stderr: stdout });
    expect(await printChecks(checks(), ' on a test', output)).toBe(1);
    expect(text).toMatch(/FAIL +relu +6 cases +NaN +1e-5\n +out at \[\[3,4\]\]\n/);
    expect(text).toContain('1 of 2 checks FAILED on a test');

    text = '';
    await printChecks(checks(), '', new Output({ quiet: true }, { stdout, stderr: stdout }));
    expect(text).toMatch(/^FAIL +relu [^\n]*\n +out at \[\[3,4\]\]\n1 of 2 checks FAILED[^\n]*\n$/);
    text = '';
    await printChecks(checks(), '', new Output({ json: true, quiet: true }, { stdout, stderr: stdout }));
    expect(records(text)).toEqual([
      { ...bad, error: null },
      { type: 'done', passed: 1, failed: 1 },
    ]);
  });
});

describe('info --plan', () => {
  it('prints each dispatch with shapes, bytes and flops', async () => {
    const { status, stdout } = await microgpt(['info', '--plan']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ {2}1 {2}batch /m);
    expect(stdout).toMatch(/layer0\.attention +4×16×1 +4,480 +8,704 {2}\[16, 16\]/);
    expect(stdout).toContain('47 dispatches a step');
    expect(stdout).toMatch(/^graph +47 +1 +\d+ +47 +[\d,]+ +[\d,]+$/m);
    expect(stdout).toMatch(/^graph, 16 in a row +47 +0\.06 /m);
    expect(stdout).toMatch(/^resident: 22 barriers a step; /m);
    expect(stdout).toContain('362,496 flops a step');
  });

  it('prints one strategy, and what it costs as data', async () => {
    const text = (await microgpt(['info', '--plan', '--launch', 'fused'])).stdout;
    expect(text).toMatch(/^21 dispatches a step/m);
    expect(text).not.toMatch(/^graph /m);
    const { stdout } = await microgpt(['info', '--plan', '--launch', 'resident', '--json']);
    const [alone, row] = records(stdout);
    expect(alone).toMatchObject({
      type: 'cost',
      launch: 'resident',
      steps: 1,
      calls: { submit: 1, dispatchWorkgroups: 1 },
      resident: { barriers: 22, workgroupBytes: 0 },
    });
    expect(row).toMatchObject({ steps: 16, calls: { submit: 1 }, flops: 16 * Number(alone['flops']) });
    const large = await microgpt(['info', '--plan', '--launch', 'resident', '--n-embd', '512']);
    expect(large.stdout).toMatch(/^not resident: a step of \d+ MFLOP is too much for one workgroup/m);
  });

  it('takes the sizes of a model', async () => {
    const args = ['info', '--plan', '--json', '--n-layer', '2', '--n-embd', '24', '--batch-size', '3'];
    const dispatches = ofType(records((await microgpt(args)).stdout), 'dispatch');
    expect(dispatches.at(-1)).toMatchObject({ op: 'adam', index: dispatches.length - 1 });
    expect(dispatches[1]).toMatchObject({ op: 'embedding', outputs: [[48, 24]] });
    expect(dispatches.filter((d) => String(d['label']).startsWith('layer1.')).length).toBeGreaterThan(20);
  });

  it('refuses sizes that make no model', async () => {
    const { status, stderr } = await microgpt(['info', '--plan', '--n-head', '5']);
    expect(status).toBe(2);
    expect(stderr).toMatch(/n_embd 16 is not divisible by n_head 5/);
  });
});
