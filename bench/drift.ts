// How far does training in f32 drift from training in f64, and why?
//
//   npm run bench -- drift [--steps 1000]
//
// For some models: the largest difference of any loss up to a step, between the CPU engine in f64 and (a) the same in
// f64 with initial values rounded to f32, (b) the same in f32. And the step at which (b) first has a hidden unit on the
// other side of relu's kink, seen in fc1's gradient: a row that is 0 in one and not in the other.

import { parseArgs } from 'node:util';
import { createCpuEngine } from '../src/cpu/engine.ts';
import type { EngineSpec } from '../src/engine/engine.ts';
import { DEFAULT_TRAINING } from '../src/config/config.ts';
import { parameterSpecs } from '../src/model/parameters.ts';
import { prepareRun } from '../src/train/prepare.ts';
import { largestDifference } from '../src/verify/check.ts';
import { namesDocuments } from '../test/support/golden.ts';

const MODELS = [
  { nLayer: 1, nEmbd: 16, nHead: 4, blockSize: 16, batchSize: 1 },
  { nLayer: 2, nEmbd: 16, nHead: 4, blockSize: 16, batchSize: 1 },
  { nLayer: 2, nEmbd: 32, nHead: 4, blockSize: 16, batchSize: 4 },
  { nLayer: 4, nEmbd: 24, nHead: 3, blockSize: 12, batchSize: 2 },
];

const AT = [100, 300, 1000];

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { steps: { type: 'string', default: '1000' } } });
  const steps = Number(values.steps);
  const until = AT.filter((step) => step <= steps);
  const results: unknown[] = [];
  for (const { batchSize, ...model } of MODELS) {
    const training = { ...DEFAULT_TRAINING, steps, batchSize };
    const { spec } = prepareRun({ documents: namesDocuments(), model, training });
    const exact = await createCpuEngine(spec, { precision: 'f64' }).advance(steps);
    const parameters = Float32Array.from(spec.parameters);
    const rounded = await createCpuEngine({ ...spec, parameters }, { precision: 'f64' }).advance(steps);
    const single = await createCpuEngine(spec).advance(steps);
    const drift = (losses: Float64Array) => {
      return until.map((step) => largestDifference(losses.subarray(0, step), exact.subarray(0, step)));
    };
    const crossing = await firstCrossing(spec, steps);
    console.log(
      `${JSON.stringify({ ...model, batchSize })}: largest difference up to step ${until.join(', ')}`,
    );
    console.log(`  initial values rounded  ${drift(rounded).map(short).join('  ')}`);
    console.log(`  f32                     ${drift(single).map(short).join('  ')}`);
    console.log(
      `  first unit on the other side of relu's kink: ${crossing === null ? 'none' : `step ${crossing}`}`,
    );
    results.push({ model, batchSize, until, rounded: drift(rounded), f32: drift(single), crossing });
  }
  console.log(JSON.stringify({ bench: 'drift', results }));
}

/** The step (from 1) in which f32 and f64 first disagree about which hidden units are alive. */
async function firstCrossing(spec: EngineSpec, steps: number): Promise<number | null> {
  const [single, double] = [createCpuEngine(spec), createCpuEngine(spec, { precision: 'f64' })];
  const layers = parameterSpecs(spec.model).filter(({ name }) => name.endsWith('mlp_fc1'));
  for (let step = 1; step <= steps; step++) {
    const [a, b] = [(await single.gradients()).gradients, (await double.gradients()).gradients];
    for (const { offset, size, shape } of layers) {
      for (let row = offset; row < offset + size; row += shape[1]) {
        const [x, y] = [
          Math.hypot(...a.subarray(row, row + shape[1])),
          Math.hypot(...b.subarray(row, row + shape[1])),
        ];
        // One row more or less through the unit changes its gradient by a tenth and more; rounding by 1e-6.
        if (Math.abs(x - y) > 1e-2 * Math.max(x, y, 1e-3)) return step;
      }
    }
    await single.advance(1);
    await double.advance(1);
  }
  return null;
}

function short(x: number): string {
  return x.toExponential(1).padStart(8);
}
