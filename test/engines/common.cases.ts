// What must hold on every engine. Each engine's test file calls `engineCases` with how to make it and how
// close it must come to the recorded runs of microgpt.py and to the oracle; `oneOf` makes the engine one of several models.

import type { Bars, Create } from './cases.ts';
import { clipCases } from './clip.cases.ts';
import { contractCases } from './contract.cases.ts';
import { oracleCases } from './oracle.cases.ts';
import { recordedCases, type Recorded } from './recorded.cases.ts';

/** All there are, with all recorded runs unless told. */
export function engineCases(name: string, create: Create, bars: Bars, recorded?: readonly Recorded[]): void {
  recordedCases(name, create, bars, recorded);
  clipCases(name, create, bars);
  oracleCases(name, create, bars);
  contractCases(name, create, bars);
}
