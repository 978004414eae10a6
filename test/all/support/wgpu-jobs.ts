// What wgpu.test.ts has done under Deno: one job a process, named by its argument, because a compiler that panics takes its
// process down. Prints what comes of it as JSON, a line each.

import { chooseEngines, createEngine } from '../../../src/engine/choose.ts';
import { partOf } from '../../../src/engine/models.ts';
import { workgroupRunner } from '../../../src/report/measure/workgroup-runner.ts';
import { verify } from '../../../src/verify/verify.ts';
import { openDevice } from '../../../src/webgpu/adapter.ts';
import { population, PHASE_RUN, trainingRun, type Job } from './wgpu-subjects.ts';

declare const Deno: { readonly args: readonly string[]; exit(status: number): never };

const gpu = async () => navigator.gpu as GPU | undefined;
const print = (record: unknown) => console.log(JSON.stringify(record));

async function run(job: Job): Promise<void> {
  switch (job) {
    case 'verify': {
      const device = await openDevice(await gpu());
      print(device.info);
      const brief = { cases: 1, configs: 1, steps: 20 };
      for await (const check of verify({ engines: ['webgpu'], gpu: device, ...brief })) print(check);
      break;
    }
    case 'population': {
      const source = population();
      const chosen = await chooseEngines({ engine: 'webgpu', gpu }, source);
      const engine = await chosen.create(Array.from({ length: source.size }, (_, i) => source.member(i)));
      const losses = await engine.advance(source.member(0).training.steps);
      print(Array.from({ length: source.size }, (_, i) => Array.from(partOf(losses, i, source.size))));
      break;
    }
    case 'phases': {
      const runner = await workgroupRunner(await openDevice(await gpu()));
      print(Array.from(await runner.run(PHASE_RUN)));
      break;
    }
    default: {
      const { spec } = trainingRun();
      const { engine, reason } = await createEngine({ engine: 'webgpu', launch: job, gpu }, spec);
      print({ reason, losses: Array.from(await engine.advance(spec.training.steps)) });
    }
  }
}

await run(Deno.args[0] as Job);
Deno.exit(0);
