// Where the time of a step goes, for each launch strategy. The clock on the wall is read without any instrument; then, in
// turns with that, the calls are timed on the CPU and the passes on the GPU, and then each dispatch. The parts come from other runs
// of the same steps than the wall time, so that they add up to it is a finding.

import type { Engine, LaunchStrategy } from '../../engine/engine.ts';
import { LAUNCH_STRATEGIES } from '../../engine/choice.ts';
import { createWebGpuEngine } from '../../webgpu/engine.ts';
import { MAX_TIMED_PASSES } from '../../webgpu/timing.ts';
import { anatomyOf, type Recording } from './anatomy-parts.ts';
import { Instrument } from './instrument.ts';
import type { Anatomy } from '../schema.ts';
import { turnOptions, type SectionContext } from './section.ts';
import { tickOf } from './session.ts';
import { defaultSetting, engineSubject, type Setting } from './setting.ts';
import { inTurns } from './subjects.ts';

/** Steps of a sample at most: as many as one readback of losses serves in a run that prints its progress. */
const MOST_STEPS = { eager: 32, graph: 32, fused: 32, resident: 256 } as const;
/** A sample should take so long, in microseconds: well below what the engine cuts into several submits. */
const SAMPLE = 60_000;

/** Microseconds: a call takes about as long. */
const COARSE_TICK = 2;

export async function measureAnatomy(context: SectionContext): Promise<Anatomy[]> {
  const setting = defaultSetting();
  const gpu = await context.openDevice!();
  const instrument = new Instrument(gpu, context.session.clock);
  const tick = tickOf(context.session.clock);
  if (tick > COARSE_TICK) {
    context.note(`the clock ticks every ${tick.toFixed(0)} µs: times of calls are right on average only`);
  }
  const patients: Patient[] = [];
  try {
    for (const launch of LAUNCH_STRATEGIES) {
      const engine = await createWebGpuEngine(setting.spec, { gpu, launch });
      patients.push(await Patient.admit(launch, engine, setting, instrument, context));
    }
    const { least, most } = turnOptions(context);
    await inTurns(
      patients.length,
      context.session.random,
      (i) => patients[i].examine(instrument, context),
      (round) => {
        context.progress(round, most);
        return !context.session.stopped && (round < least || (round < most && !context.session.over));
      },
    );
    const { software } = gpu.info;
    return patients
      .filter(({ recording }) => recording.rounds.length > 0)
      .map(({ launch, recording }) => anatomyOf(launch, software, recording, context.session.seed));
  } finally {
    for (const patient of patients) patient.engine.dispose();
    instrument.destroy();
    gpu.destroy();
  }
}

/** An engine and what was recorded of it. */
class Patient {
  readonly launch: LaunchStrategy;
  readonly engine: Engine;
  readonly recording: Recording;
  private readonly prepare: () => Promise<void>;

  private constructor(launch: LaunchStrategy, engine: Engine, setting: Setting, steps: number) {
    const subject = engineSubject(launch, engine, setting);
    this.launch = launch;
    this.engine = engine;
    this.recording = { steps, rounds: [] };
    this.prepare = () => subject.prepare!(steps);
  }

  /** Finds out how many steps make a good sample, and warms up. */
  static async admit(
    launch: LaunchStrategy,
    engine: Engine,
    setting: Setting,
    instrument: Instrument,
    { session }: SectionContext,
  ): Promise<Patient> {
    await engine.advance(1);
    const { calls } = await instrument.watch(() => engine.advance(1));
    const dispatches = calls.get('dispatchWorkgroups')!.count;
    const most = Math.min(MOST_STEPS[launch], Math.floor(MAX_TIMED_PASSES / dispatches));
    let wanted = 1;
    for (;;) {
      const start = session.clock();
      await engine.advance(wanted);
      if (session.over || wanted === most || session.clock() - start > SAMPLE / 2) break;
      wanted = Math.min(2 * wanted, most);
    }
    return new Patient(launch, engine, setting, Math.min(most, setting.window(wanted).steps));
  }

  /** One round: the same steps without an instrument, watched, and dispatch by dispatch. */
  async examine(instrument: Instrument, { session }: SectionContext): Promise<void> {
    const { steps } = this.recording;
    const { clock } = session;
    const work = () => this.engine.advance(steps);
    if (session.stopped) return;
    await session.breathe();

    await this.prepare();
    let start = clock();
    await work();
    const wall = clock() - start;
    let watched = 0;

    await this.prepare();
    start = clock();
    const { calls, passes } = await instrument.watch(async () => {
      await work();
      watched = clock() - start;
    });

    await this.prepare();
    const dispatches = instrument.timestamps ? await instrument.dispatches(work) : null;
    this.recording.rounds.push({ wall, watched, calls, passes, dispatches });
  }
}
