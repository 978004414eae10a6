// The same thing twice, as if it were two: what a difference must exceed to mean anything here.

import { openCpuEngine } from '../../cpu/engine.ts';
import type { Engine } from '../../engine/engine.ts';
import { createWebGpuEngine } from '../../webgpu/engine.ts';
import type { Control } from '../schema.ts';
import { estimateIn, ratioIn, turnOptions } from './section.ts';
import type { SectionContext } from './section.ts';
import { defaultSetting, engineSubject } from './setting.ts';
import { timeInTurns } from './subjects.ts';
import type { Subject } from './subjects.ts';

/** A pair of CPU engines, and of WebGPU engines where there is an adapter; the pair that differs more is the control. */
export async function measureControl(context: SectionContext): Promise<Control | null> {
  const setting = defaultSetting();
  const engines: Engine[] = [];
  const pair = (what: string, made: readonly [Engine, Engine]): [Subject, Subject] => {
    engines.push(...made);
    return [engineSubject(what, made[0], setting), engineSubject(what, made[1], setting)];
  };
  const { spec } = setting;
  const gpu = await context.openDevice?.();
  try {
    const subjects = [
      ...pair('a step of the CPU engine at the defaults', [
        await openCpuEngine(spec),
        await openCpuEngine(spec),
      ]),
    ];
    if (gpu) {
      const make = () => createWebGpuEngine(spec, { gpu, launch: 'graph' });
      subjects.push(...pair('a step of webgpu (graph) at the defaults', [await make(), await make()]));
    }
    return await controlOf(subjects, context);
  } finally {
    for (const engine of engines) engine.dispose();
    gpu?.destroy();
  }
}

/** Times `subjects`, which come in pairs. null where it was stopped before the first round. */
export async function controlOf(
  subjects: readonly Subject[],
  context: SectionContext,
): Promise<Control | null> {
  const timed = await timeInTurns(subjects, context.session, turnOptions(context));
  if (timed[0].samples.length === 0) return null;
  let worst: Control | null = null;
  for (let i = 0; i < timed.length; i += 2) {
    const [first, second] = [timed[i], timed[i + 1]];
    const ratio = ratioIn(context, first.samples, second.samples);
    const claimable = Math.max(1, ratio.high, 1 / ratio.low);
    if (worst !== null && claimable <= worst.claimable) continue;
    worst = {
      what: `${first.name}, timed as if it were two`,
      first: estimateIn(context, first.samples),
      second: estimateIn(context, second.samples),
      ratio,
      claimable,
    };
  }
  return worst;
}
