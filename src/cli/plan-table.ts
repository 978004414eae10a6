// microgpt info --plan: what one training step dispatches, and what it costs by launch strategy.

import type { LaunchStrategy } from '../engine/engine.ts';
import { LAUNCH_STRATEGIES } from '../engine/choice.ts';
import type { Dispatch, Plan } from '../graph/plan.ts';
import { checkModelConfig, checkTrainingConfig, DEFAULT_TRAINING } from '../config/config.ts';
import type { ModelConfig } from '../config/config.ts';
import { modelFlops, planOf, stepCost } from '../webgpu/cost.ts';
import type { StepCost } from '../webgpu/cost.ts';
import { STEPS_PER_SUBMIT } from '../webgpu/launch.ts';
import { whyNotResident } from '../webgpu/resident/step.ts';
import type { Output } from './output.ts';
import type { DispatchRecord } from './printed-records.ts';

export interface PlanFlags extends ModelConfig {
  readonly batchSize: number;
  /** One strategy: its dispatches and cost. Without it the dispatches of `graph` and the cost of all. */
  readonly launch?: LaunchStrategy;
}

/** Gives the exit status. */
export function planCommand(flags: PlanFlags, output: Output): number {
  const { batchSize, launch } = flags;
  const training = { ...DEFAULT_TRAINING, batchSize };
  checkModelConfig(flags);
  checkTrainingConfig(training);
  // `resident` has one dispatch, of phases that do what the dispatches of `fused` do.
  if (launch !== 'resident') {
    const plan = planOf(flags, training, launch ?? 'graph');
    for (const record of dispatchRecords(plan)) output.record(record);
    for (const line of planLines(plan)) output.line(line);
    output.line('');
  }
  const tooMuch = whyNotResident(flags, training);
  const strategies = launch === undefined ? LAUNCH_STRATEGIES : [launch];
  const possible = strategies.filter((strategy) => strategy !== 'resident' || tooMuch === undefined);
  const costs = possible.flatMap((s) =>
    [1, STEPS_PER_SUBMIT].map((steps) => stepCost(flags, training, s, { steps })),
  );
  for (const cost of costs)
    output.record({ type: 'cost', modelFlops: modelFlops(flags, batchSize), ...cost });
  for (const line of costLines(costs)) output.line(line);
  if (possible.length < strategies.length) output.line(`not resident: ${tooMuch}`);
  output.line(`the model itself: ${count(modelFlops(flags, batchSize), 0)} flops a step`);
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
  const bytes = plan.buffers.reduce((sum, buffer) => sum + 4 * buffer.length, 0);
  const scratch = plan.buffers.filter((buffer) => buffer.kind === 'scratch');
  const reused = scratch.reduce((sum, buffer) => sum + 4 * buffer.length, 0);
  yield `${plan.dispatches.length} dispatches a step; bytes: the least they can move; all rows in use`;
  yield `${plan.buffers.length} buffers, ${count(bytes, 0)} bytes; of these ${scratch.length} scratch buffers, ${count(reused, 0)} bytes, shared by tensors that do not live at the same time`;
}

/** A row for each cost, all figures of one step. */
function* costLines(costs: readonly StepCost[]): Generator<string> {
  const row = (name: string, figures: readonly string[]) =>
    name.padEnd(24) + figures.map((figure, i) => figure.padStart(i < 4 ? 12 : 20)).join('');
  yield row('a step costs', ['dispatches', 'submits', 'pipelines', 'bind groups', 'flops', 'bytes']);
  for (const { launch, steps, calls, flops, bytes } of costs) {
    const { dispatchWorkgroups, submit, setPipeline, setBindGroup } = calls;
    const figures = [dispatchWorkgroups, submit, setPipeline, setBindGroup, flops, bytes];
    yield row(
      steps === 1 ? launch : `${launch}, ${steps} in a row`,
      figures.map((figure) =>
        (figure / steps).toLocaleString('en-US', { maximumSignificantDigits: figure < steps ? 1 : 15 }),
      ),
    );
  }
  const resident = costs.find((cost) => cost.resident)?.resident;
  if (!resident) return;
  const { memory, workgroupBytes, barriers } = resident;
  yield `resident: ${barriers} barriers a step; at WebGPU's default limits weights in ${memory.weights}, values in ${memory.values}, ${count(workgroupBytes, 0)} bytes of workgroup memory`;
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
