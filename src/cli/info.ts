// microgpt info: what this machine has to train on.

import { arch, cpus, platform, release } from 'node:os';
import { version } from '../../package.json';
import { chooseBuild, loadKernels } from '../cpu/kernels.ts';
import { adapterInfo, adapterName, requestAdapter, usedLimits } from '../webgpu/adapter.ts';
import { gpu as openGpu, webgpuVersion } from './gpu.ts';
import type { Output } from './output.ts';
import type { AdapterDetails, InfoRecord } from './printed-records.ts';

/** Gives the exit status. */
export async function infoCommand(output: Output): Promise<number> {
  const record = await collect();
  output.record(record);
  for (const line of lines(record)) output.line(line);
  return 0;
}

async function collect(): Promise<InfoRecord> {
  let adapter: AdapterDetails | undefined;
  let problem = '';
  try {
    adapter = await describeAdapter();
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  const [cpu] = cpus();
  return {
    type: 'info',
    versions: {
      microgpt: version,
      node: process.versions.node,
      v8: process.versions.v8,
      webgpu: webgpuVersion(),
    },
    system: {
      platform: platform(),
      release: release(),
      arch: arch(),
      cpu: cpu?.model.trim() ?? 'unknown',
      cores: cpus().length,
    },
    engines: [
      { name: 'oracle', available: true, note: 'scalar autograd, f64: the reference' },
      { name: 'cpu', available: true, note: await cpuNote() },
      {
        name: 'webgpu',
        available: adapter !== undefined,
        note: adapter === undefined ? problem : adapterName(adapter),
      },
    ],
    adapters: adapter === undefined ? [] : [adapter],
  };
}

async function describeAdapter(): Promise<AdapterDetails> {
  const gpu = await openGpu();
  const adapter = await requestAdapter(gpu);
  return {
    ...(await adapterInfo(adapter)),
    limits: usedLimits(adapter),
    features: [...adapter.features].toSorted(),
    languageFeatures: [...gpu.wgslLanguageFeatures].toSorted(),
  };
}

async function cpuNote(): Promise<string> {
  await loadKernels();
  const build = chooseBuild();
  return build === null ? 'typed arrays, f32: no WASM SIMD here' : `WASM ${build}, f32`;
}

function* lines({ versions, system, engines, adapters }: InfoRecord): Generator<string> {
  yield `microgpt ${versions.microgpt}, node ${versions.node} (v8 ${versions.v8}), webgpu ${versions.webgpu}`;
  yield `${system.platform} ${system.release} ${system.arch}, ${system.cores} × ${system.cpu}`;
  yield 'engines:';
  for (const { name, available, note } of engines) {
    yield `  ${name.padEnd(8)}${available ? note : `not available: ${note}`}`;
  }
  for (const adapter of adapters) {
    yield `adapter: ${adapterName(adapter)}`;
    yield `  vendor ${adapter.vendor || '-'}, architecture ${adapter.architecture || '-'}`;
    yield '  limits:';
    for (const [name, value] of Object.entries(adapter.limits)) yield `    ${name.padEnd(34)}${value}`;
    yield `  features: ${adapter.features.join(', ') || 'none'}`;
    yield `  WGSL features: ${adapter.languageFeatures.join(', ') || 'none'}`;
  }
}
