// The oracle against microgpt.py itself: losses that CPython gave at microgpt.py's defaults on the built-in names. Where they
// differ, this JavaScript engine's arithmetic is not IEEE 754 double, or the oracle is broken.

import { BUILTIN_DOCUMENTS } from '../data/builtin-names.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../config/config.ts';
import { createOracleEngine } from '../oracle/engine.ts';
import { prepareRun } from '../train/prepare.ts';
import { relativeError, Worst } from './check.ts';
import type { Check } from './check.ts';

/** Step (from 1) and its loss, under CPython 3.11. */
const RECORDED: readonly (readonly [step: number, loss: number])[] = [
  [1, 3.2885063747460705],
  [2, 3.363536417984328],
  [5, 3.2574941159463044],
  [10, 3.1243730140351933],
  [20, 2.7925563036719354],
  [50, 2.4708620451737633],
  [100, 3.060298392427207],
  [200, 2.6073114511665043],
];

/** 1e-12, relative: f64, with exp and log that may differ from C's in the last bit. */
const ORACLE_BAR = 1e-12;

export async function* verifyOracle(): AsyncGenerator<Check> {
  const { spec } = prepareRun({
    documents: BUILTIN_DOCUMENTS,
    model: DEFAULT_MODEL,
    training: DEFAULT_TRAINING,
  });
  const oracle = createOracleEngine(spec);
  const losses = await oracle.advance(RECORDED.at(-1)![0]);
  oracle.dispose();
  const worst = new Worst();
  for (const [step, loss] of RECORDED) worst.see(relativeError([losses[step - 1]], [loss]), `step ${step}`);
  yield worst.check(
    'oracle',
    "losses recorded from microgpt.py's",
    `${RECORDED.length} of ${losses.length} steps`,
    ORACLE_BAR,
  );
}
