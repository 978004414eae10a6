// microgpt info --plan: what one training step dispatches.

import { checkModelConfig, DEFAULT_TRAINING } from '../model/config.ts';
import type { ModelConfig } from '../model/config.ts';
import { trainingPlan } from '../model/gpt.ts';
import { parameterLayout } from '../model/parameters.ts';
import type { Dispatch, Plan } from '../graph/plan.ts';
import type { Output } from './output.ts';
import type { DispatchRecord } from './printed-records.ts';

export interface PlanFlags extends ModelConfig {
  readonly batchSize: number;
}

/** Gives the exit status. The data only set the size of the corpus, so one empty document will do. */
export function planCommand(flags: PlanFlags, output: Output): number {
  checkModelConfig(flags);
  const training = { ...DEFAULT_TRAINING, batchSize: flags.batchSize };
  const plan = trainingPlan(flags, training, parameterLayout(flags), { length: 4, documents: 1 });
  for (const record of dispatchRecords(plan)) output.record(record);
  for (const line of planLines(plan)) output.line(line);
  return 0;
}

function dispatchRecords(plan: Plan): DispatchRecord[] {
  return plan.dispatches.map(({ node, label, launch, bytes, flops }, index) => ({
    type: 'dispatch',
    index,
    op: node.op.name,
    label,
    inputs: node.inputs.map((tensor) => tensor.shape),
    outputs: node.outputs.map((tensor) => tensor.shape),
    workgroups: launch.workgroups,
    bytes,
    flops,
  }));
}

/** The table for a person. */
function* planLines(plan: Plan): Generator<string> {
  yield `${'#'.padStart(3)}  ${'dispatch'.padEnd(32)} ${'workgroups'.padEnd(12)} ${'bytes'.padStart(12)} ${'flops'.padStart(14)}  shapes`;
  for (const [i, dispatch] of plan.dispatches.entries()) {
    const { label, launch, bytes, flops } = dispatch;
    const groups = launch.workgroups.join('×');
    yield `${String(i + 1).padStart(3)}  ${label.padEnd(32)} ${groups.padEnd(12)} ${count(bytes)} ${count(flops, 14)}  ${shapes(dispatch)}`;
  }
  const total = (of: (d: Dispatch) => number) => plan.dispatches.reduce((sum, d) => sum + of(d), 0);
  const bytes = plan.buffers.reduce((sum, buffer) => sum + 4 * buffer.length, 0);
  const scratch = plan.buffers.filter((buffer) => buffer.kind === 'scratch');
  const reused = scratch.reduce((sum, buffer) => sum + 4 * buffer.length, 0);
  yield `${plan.dispatches.length} dispatches a step, at most ${count(
    total((d) => d.bytes),
    0,
  )} bytes bound, ${count(
    total((d) => d.flops),
    0,
  )} flops (all rows in use)`;
  yield `${plan.buffers.length} buffers, ${count(bytes, 0)} bytes; of these ${scratch.length} scratch buffers, ${count(reused, 0)} bytes, shared by tensors that do not live at the same time`;
}

function shapes({ node }: Dispatch): string {
  const text = (list: readonly { readonly shape: readonly number[] }[]) => {
    return list.map(({ shape }) => `[${shape.join(', ')}]`).join(' ');
  };
  const outputs = node.outputs.length > 0 ? text(node.outputs) : 'in place';
  return `${text(node.inputs)} → ${outputs}`;
}

function count(n: number, width = 12): string {
  return n.toLocaleString('en-US').padStart(width);
}
