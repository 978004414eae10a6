// The ladder: how long a step of microgpt.py's defaults takes on each engine, after its losses were checked.

import { createOracleEngine } from '../../oracle/engine.ts';
import { MicrogptError } from '../../util/errors.ts';
import type { Ladder, Rung } from '../schema.ts';
import { contestants, type Contestant, type ForeignRung } from './ladder-rungs.ts';
import { estimateIn, ratioIn, turnOptions } from './section.ts';
import type { SectionContext } from './section.ts';
import type { Session } from './session.ts';
import { defaultSetting, type Setting } from './setting.ts';
import { timeInTurns } from './subjects.ts';
import type { Timed, TurnOptions } from './subjects.ts';

/** 1e-5, absolute, in nats: see docs/numbers.md. */
export const LOSS_TOLERANCE = 1e-5;

/** Share of the section's time for programs of others, each of whose samples may be a process. */
const FOREIGN_SHARE = 0.4;

export async function measureLadder(
  context: SectionContext,
  foreign: readonly ForeignRung[],
): Promise<Ladder> {
  const setting = defaultSetting();
  const checkedSteps = context.mode === 'quick' ? 30 : 100;
  const gpu = await context.openDevice?.();
  const all: Contestant[] = [];
  const rungs = new Map<Contestant, Rung>();
  try {
    all.push(...(await contestants(setting, gpu, foreign)));
    const [oracle] = all;
    const reference = await referenceLosses(setting, checkedSteps);
    for (const contestant of all)
      rungs.set(contestant, await checked(contestant, reference, context.session));

    const fit = all.filter((contestant) => contestant.subject && rungs.get(contestant)!.reason === null);
    const others = fit.filter(isForeign);
    const ours = fit.filter((contestant) => !others.includes(contestant));
    const timed = new Map<Contestant, Timed>();
    const time = async (group: readonly Contestant[], session: Session, options: TurnOptions) => {
      const failed = (which: number, { message }: MicrogptError) => {
        rungs.set(group[which], { ...rungs.get(group[which])!, reason: message });
      };
      const subjects = group.map(({ subject }) => subject!);
      const results = await timeInTurns(subjects, session, { ...options, failed });
      results.forEach((result, i) => timed.set(group[i], result));
    };
    const session = context.session.part(FOREIGN_SHARE * context.session.left);
    if (others.length > 0) {
      await time(others, session, { sample: 0, least: 3, most: context.mode === 'quick' ? 3 : 7 });
    }
    await time(ours, context.session, turnOptions(context));

    const oracleSamples = timed.get(oracle)?.samples ?? [];
    for (const [contestant, result] of timed) {
      rungs.set(contestant, timedRung(rungs.get(contestant)!, result, oracleSamples, setting.shape, context));
    }
  } finally {
    for (const contestant of all) contestant.close?.();
    gpu?.destroy();
  }
  return { shape: setting.shape, checkedSteps, tolerance: LOSS_TOLERANCE, rungs: [...rungs.values()] };
}

async function referenceLosses({ spec }: Setting, steps: number): Promise<Float64Array> {
  const oracle = createOracleEngine(spec);
  const losses = await oracle.advance(steps);
  oracle.dispose();
  return losses;
}

/** The rung before it is timed; with a reason where it must not be. */
async function checked(
  contestant: Contestant,
  reference: ArrayLike<number>,
  session: Session,
): Promise<Rung> {
  const { reason, check } = contestant;
  if (reason !== null || !check) return emptyRung(contestant, reason, null);
  if (session.stopped) return emptyRung(contestant, 'stopped before its losses were checked', null);
  await session.breathe();
  let difference: number | string;
  try {
    difference = await check(reference);
  } catch (error) {
    if (!(error instanceof MicrogptError)) throw error;
    return emptyRung(contestant, error.message, null);
  }
  if (typeof difference === 'string') return emptyRung(contestant, difference, null);
  if (difference <= LOSS_TOLERANCE) return emptyRung(contestant, null, difference);
  const wrong = `its losses differ from the oracle's by up to ${difference.toExponential(1)} nats: a wrong answer has no speed`;
  return emptyRung(contestant, wrong, Number.isFinite(difference) ? difference : null);
}

/** Programs of others take turns among themselves, before ours. */
function isForeign({ kind }: Pick<Rung, 'kind'>): boolean {
  return kind === 'python' || kind === 'peer';
}

function emptyRung(contestant: Contestant, reason: string | null, lossDifference: number | null): Rung {
  const { id, label, kind, software, models } = contestant;
  return {
    id,
    label,
    kind,
    software,
    models,
    step: null,
    reason,
    samplesPerSecond: null,
    tokensPerSecond: null,
    timesOracle: null,
    lossDifference,
  };
}

function timedRung(
  rung: Rung,
  { samples }: Timed,
  oracle: readonly number[],
  { batchSize, tokensPerStep }: Ladder['shape'],
  context: SectionContext,
): Rung {
  if (samples.length === 0) return { ...rung, reason: rung.reason ?? 'stopped before it was timed' };
  const own = samples.map((sample) => sample / rung.models);
  const step = estimateIn(context, own);
  const perSecond = 1e6 / step.median;
  return {
    ...rung,
    step,
    samplesPerSecond: batchSize * perSecond,
    tokensPerSecond: tokensPerStep * perSecond,
    timesOracle: oracle.length > 0 ? ratioIn(context, oracle, own, !isForeign(rung)) : null,
  };
}
