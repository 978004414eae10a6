// Rows of whole training steps: every engine and launch strategy, by width and batch.

import { createCpuEngine } from '../../src/cpu/engine.ts';
import type { Engine, EngineSpec } from '../../src/engine/engine.ts';
import { LAUNCH_STRATEGIES } from '../../src/engine/choice.ts';
import { stepFlops } from '../../src/engine/choose.ts';
import { parameterSpecs } from '../../src/model/parameters.ts';
import { relativeError } from '../../src/verify/check.ts';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { stepCost } from '../../src/webgpu/cost.ts';
import { createWebGpuEngine } from '../../src/webgpu/engine.ts';
import { whyNotResident } from '../../src/webgpu/resident/step.ts';
import { expectNear, specOf, timed } from '../cpu.ts';
import type { Failures } from './rounds.ts';
import type { Row } from './table.ts';

type Size = readonly [width: number, batch: number];
const QUICK: readonly Size[] = [[16, 1], [16, 16], [64, 16]]; // prettier-ignore
const FULL: readonly Size[] = [[16, 1], [16, 16], [16, 128], [64, 16], [128, 16], [256, 16], [512, 16]]; // prettier-ignore

/** Larger steps take seconds on a software adapter and in plain JavaScript. */
const SLOW_FLOPS = 1e8;

/** Those with the right gradients: a wrong answer has no speed. */
export async function stepRows(
  gpu: GpuDevice | undefined,
  full: boolean,
  time: number,
  failures: Failures,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [width, batch] of full ? FULL : QUICK) {
    const spec = specOf(width, batch, 1000);
    const flops = stepFlops(spec);
    const slow = flops > SLOW_FLOPS;
    const reference = await createCpuEngine(spec, { precision: 'f64' }).gradients();
    const add = async (
      how: string,
      create: () => Engine | Promise<Engine>,
      software = false,
      bytes?: number,
    ) => {
      const name = `step d${width} b${batch} ${how}`;
      const work = { flops, samples: batch, ...(bytes === undefined ? {} : { bytes }) };
      const contestant = await failures.guard(name, async () => {
        const engine = await create();
        await check(name, spec, engine, reference);
        return timed(name, engine, 1, time);
      });
      if (contestant !== undefined) rows.push({ ...contestant, software, work });
    };
    if (!slow) await add('cpu plain', () => createCpuEngine(spec, { variant: 'plain' }));
    await add('cpu', () => createCpuEngine(spec));
    if (gpu === undefined || (slow && gpu.info.software)) continue;
    for (const launch of LAUNCH_STRATEGIES) {
      const reason = launch === 'resident' ? whyNotResident(spec.model, spec.training) : undefined;
      if (reason !== undefined) {
        console.log(`no row d${width} b${batch} resident: ${reason}`);
        continue;
      }
      const workgroupMemory = gpu.device.limits.maxComputeWorkgroupStorageSize;
      const { bytes } = stepCost(spec.model, spec.training, launch, { workgroupMemory });
      await add(
        `webgpu ${launch}`,
        () => createWebGpuEngine(spec, { gpu, launch }),
        gpu.info.software,
        bytes,
      );
    }
  }
  return rows;
}

type Gradients = Awaited<ReturnType<Engine['gradients']>>;

async function check(name: string, spec: EngineSpec, engine: Engine, reference: Gradients): Promise<void> {
  const {
    losses: [loss],
    gradients,
  } = await engine.gradients();
  expectNear(`${name}, loss`, Math.abs(loss - reference.losses[0]));
  for (const { name: tensor, offset, size } of parameterSpecs(spec.model)) {
    const [got, expected] = [gradients, reference.gradients].map((all) =>
      all.subarray(offset, offset + size),
    );
    expectNear(`${name}, gradient of ${tensor}`, relativeError(got, expected));
  }
}
