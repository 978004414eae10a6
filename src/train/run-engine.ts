// What of an engine a run keeps, and what to say where it goes on on another.

import type { EngineInfo } from '../engine/engine.ts';
import { adapterName } from '../webgpu/adapter.ts';
import type { RunConfig } from './run-files.ts';

/** What of an engine a run keeps. */
export function engineOf({ engine: name, launch, build, adapter }: EngineInfo): RunConfig['engine'] {
  return {
    name,
    ...(launch === undefined ? {} : { launch }),
    build,
    ...(adapter === undefined ? {} : { adapter: adapterName(adapter) }),
  };
}

/** What to say where a run, or another thing, goes on on something else than it began on. */
export function otherEngine(
  was: RunConfig['engine'],
  is: RunConfig['engine'],
  what = 'run',
): string | undefined {
  const parts = ({ name, launch, adapter }: RunConfig['engine'], build?: string) => {
    const details = [launch, build].filter(Boolean).join(', ');
    return [name, details && `(${details})`, adapter && `on ${adapter}`].filter(Boolean).join(' ');
  };
  const same = parts(was) === parts(is);
  if (same && (was.build ?? is.build) === is.build) return undefined;
  const [before, now] = [was, is].map((engine) => parts(engine, same ? engine.build : undefined));
  return `the ${what} began with ${before} and continues with ${now}: the losses agree within rounding, not bit for bit`;
}
