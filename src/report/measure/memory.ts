// Bytes on the device by purpose: what an engine really makes there, against the least that would do.

import type { Plan } from '../../graph/plan.ts';
import type { Tensor } from '../../graph/graph.ts';
import type { LaunchStrategy } from '../../engine/engine.ts';
import { sizeOf } from '../../graph/op.ts';
import { RING_LENGTH, trainingPlan } from '../../model/plans.ts';
import { parameterLayout } from '../../model/parameters.ts';
import { packCorpus } from '../../ops/batch.ts';
import { createWebGpuEngine } from '../../webgpu/engine.ts';
import { RULES } from '../../webgpu/launch.ts';
import { whyNotResident } from '../../webgpu/resident/step.ts';
import { planOf } from '../../webgpu/cost.ts';
import { watchBuffers } from './instrument.ts';
import type { Memory } from '../schema.ts';
import type { SectionContext } from './section.ts';
import { defaultSetting, gridSetting, type Setting } from './setting.ts';

const LARGER = { width: 256, batch: 8, context: 64 };

/** What a buffer is for, by the first word of its label. */
const PURPOSES: readonly (readonly [RegExp, string])[] = [
  [/^parameters/, 'parameters'],
  [/^gradients/, 'gradients'],
  [/^[mv] /, 'moments'],
  [/^(scratch|values)/, 'activations'],
  [/^losses/, 'readback'],
  [/^/, 'data'],
];

/**
 * The least: parameters, gradients and moments without padding; of activations, the most that are alive between two dispatches
 * of the step, as if every freed byte were used again (those that live in workgroup memory take none here); data (documents,
 * counters, losses) and readback as they are.
 */
export async function measureMemory(context: SectionContext): Promise<Memory> {
  const rows: Memory['rows'] = [];
  const settings = [defaultSetting(), gridSetting(LARGER)];
  for (const setting of settings) {
    for (const launch of ['eager', 'graph', 'fused'] as const) {
      rows.push(memoryRow(launch, setting, plannedBuffers(setting, launch)));
    }
  }
  if (!context.openDevice) {
    context.note('resident: not measured without a device');
    return { rows };
  }
  // Where a resident step keeps its values depends on the device.
  const gpu = await context.openDevice();
  try {
    for (const setting of settings) {
      const { model, training } = setting.spec;
      if (whyNotResident(model, training) !== undefined || context.session.stopped) continue;
      const made = watchBuffers(gpu.device);
      const engine = await createWebGpuEngine(setting.spec, { gpu, launch: 'resident' });
      engine.dispose();
      rows.push(memoryRow('resident', setting, made.stop()));
    }
  } finally {
    gpu.destroy();
  }
  return { rows };
}

export interface DeviceBuffer {
  readonly label: string;
  readonly size: number;
}

/** What an engine makes for the plan of a step, and to read losses back. */
export function plannedBuffers({ spec }: Setting, launch: LaunchStrategy): DeviceBuffer[] {
  const { model, training, documents } = spec;
  const size = { length: packCorpus(documents).length, documents: documents.count };
  const { buffers } = trainingPlan(model, training, parameterLayout(model), size, RULES[launch]);
  return [
    ...buffers.map(({ name, dtype, length }) => ({ label: `${name} (${dtype})`, size: 4 * length })),
    ...[1, 2].map(() => ({ label: 'losses', size: 4 * RING_LENGTH })), // two readings at a time: see Readback
  ];
}

function memoryRow(
  strategy: LaunchStrategy,
  { shape, spec }: Setting,
  buffers: readonly DeviceBuffer[],
): Memory['rows'][number] {
  const state = 4 * shape.parameters;
  const least: Record<string, number> = {
    parameters: state,
    gradients: state,
    moments: 2 * state,
    activations: livePeak(planOf(spec.model, spec.training, strategy)),
  };
  const bytes = new Map<string, number>(PURPOSES.map(([, purpose]) => [purpose, 0]));
  for (const { label, size } of buffers) {
    const [, purpose] = PURPOSES.find(([pattern]) => pattern.test(label))!;
    bytes.set(purpose, bytes.get(purpose)! + size);
  }
  const purposes = [...bytes].map(([purpose, own]) => ({
    purpose,
    bytes: own,
    least: Math.min(own, least[purpose] ?? own),
  }));
  const { nLayer, nEmbd, blockSize, batchSize } = shape;
  return {
    strategy,
    shape: `layers ${nLayer}, width ${nEmbd}, context ${blockSize}, batch ${batchSize}`,
    purposes,
    bytes: purposes.reduce((sum, own) => sum + own.bytes, 0),
    least: purposes.reduce((sum, own) => sum + own.least, 0),
  };
}

/** The most bytes of scratch tensors that are alive at one dispatch. */
export function livePeak({ buffers, dispatches }: Plan): number {
  const first = new Map<Tensor, number>();
  const last = new Map<Tensor, number>();
  dispatches.forEach(({ node, inputs, outputs }, i) => {
    const see = (tensor: Tensor, buffer: number) => {
      if (buffers[buffer].kind !== 'scratch') return;
      if (!first.has(tensor)) first.set(tensor, i);
      last.set(tensor, i);
    };
    node.inputs.forEach((tensor, j) => see(tensor, inputs[j].buffer));
    outputs.forEach(({ buffer }, j) => see(node.outputs[j], buffer));
  });
  let peak = 0;
  for (let i = 0; i < dispatches.length; i++) {
    let alive = 0;
    for (const [tensor, from] of first) {
      if (from <= i && i <= last.get(tensor)!) alive += 4 * sizeOf(tensor.shape);
    }
    peak = Math.max(peak, alive);
  }
  return peak;
}
