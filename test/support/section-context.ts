// What a section of the report is given, for tests of one section.

import type { SectionContext } from '../../src/report/measure/section.ts';
import { realClock, Session, type Clock } from '../../src/report/measure/session.ts';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { PythonRandom } from '../../src/util/python-random.ts';

export interface TestContext extends SectionContext {
  readonly notes: string[];
}

export function testContext(
  options: { clock?: Clock; seconds?: number; signal?: AbortSignal; open?: () => Promise<GpuDevice> } = {},
): TestContext {
  const { clock = realClock, seconds = 2, signal, open = null } = options;
  const notes: string[] = [];
  return {
    session: new Session({ clock, random: new PythonRandom(1), seed: 1, time: 1e6 * seconds, signal }),
    mode: 'quick',
    openDevice: open,
    found: {},
    notes,
    note: (text) => notes.push(text),
    progress() {},
  };
}
