// microgpt verify: whether this machine computes what microgpt.py computes.

import type { EngineName } from '../engine/engine.ts';
import { checkEngineChoice, type EngineChoice } from '../engine/choice.ts';
import type { Check } from '../verify/check.ts';
import { verify } from '../verify/verify.ts';
import { adapterName, openDevice } from '../webgpu/adapter.ts';
import type { GpuDevice, LimitsChoice } from '../webgpu/adapter.ts';
import type { Output } from './output.ts';

export interface VerifySettings {
  readonly limits: LimitsChoice;
  /** Random cases of each kernel. */
  readonly cases: number;
}

/** Gives the exit status: 1 where any check failed. Throws DeviceError where WebGPU was asked for and is not to be had. */
export async function verifyCommand(
  choice: EngineChoice,
  { limits, cases }: VerifySettings,
  output: Output,
): Promise<number> {
  checkEngineChoice(choice);
  const { gpu, problem } = await openedDevice(choice, limits);
  try {
    const engines = choice.engine === 'auto' ? everyEngine(gpu) : [choice.engine];
    output.record({ type: 'verify', engines, adapter: gpu?.info ?? null, limits, problem });
    if (gpu) output.detail(`adapter: ${adapterName(gpu.info)}, ${limits} limits`);
    if (problem !== '') output.detail(`webgpu: not checked. ${problem}`);
    const launches = choice.launch === 'auto' ? {} : { launches: [choice.launch] };
    const threads = choice.threads === undefined ? {} : { threads: choice.threads };
    const checks = verify({ engines, cases, ...(gpu ? { gpu } : {}), ...launches, ...threads });
    return await printChecks(checks, gpu ? ` on ${adapterName(gpu.info)}` : '', output);
  } finally {
    gpu?.destroy();
  }
}

/** Prints each check as it comes and the verdict; gives the exit status. */
export async function printChecks(
  checks: AsyncIterable<Check>,
  where: string,
  output: Output,
): Promise<number> {
  output.detail(row('', 'check', 'compared', 'error', 'bar'));
  const counts = { passed: 0, failed: 0 };
  let group = '';
  for await (const check of checks) {
    if (output.closed.aborted) break;
    counts[check.passed ? 'passed' : 'failed']++;
    if (!(output.quiet && check.passed)) output.record(check);
    if (check.group !== group) output.detail((group = check.group));
    if (check.passed)
      output.detail(row('  ok', check.name, check.compared, exponent(check.error), exponent(check.bar)));
    else failure(check, output);
  }
  output.record({ type: 'done', ...counts });
  output.line(verdict(counts, where));
  return counts.failed === 0 ? 0 : 1;
}

/** The device, where it is wanted; with `auto` a machine without one has its other engines checked. */
async function openedDevice(
  choice: EngineChoice,
  limits: LimitsChoice,
): Promise<{ gpu?: GpuDevice; problem: string }> {
  if (choice.engine === 'oracle' || choice.engine === 'cpu') return { problem: '' };
  try {
    return { gpu: await openDevice(await choice.gpu(), { limits }), problem: '' };
  } catch (error) {
    if (choice.engine === 'webgpu') throw error;
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function everyEngine(gpu: GpuDevice | undefined): EngineName[] {
  return gpu ? ['oracle', 'cpu', 'webgpu'] : ['oracle', 'cpu'];
}

function failure(check: Check, output: Output): void {
  output.line(row('FAIL', check.name, check.compared, exponent(check.error), exponent(check.bar)));
  output.line(`       ${check.detail.split('\n', 1)[0]}`);
}

function verdict({ passed, failed }: { passed: number; failed: number }, where: string): string {
  if (failed === 0) return `${passed} ${passed === 1 ? 'check' : 'checks'} passed${where}.`;
  return `${failed} of ${passed + failed} checks FAILED${where}: do not trust this machine's results.`;
}

function row(status: string, name: string, compared: string, error: string, bar: string): string {
  return `${status.padEnd(6)} ${name.padEnd(58)} ${compared.padStart(14)} ${error.padStart(8)} ${bar.padStart(6)}`.trimEnd();
}

function exponent(x: number): string {
  if (Number.isNaN(x)) return 'NaN';
  return x === 0 ? '0' : x.toExponential(1).replace('.0e', 'e');
}
