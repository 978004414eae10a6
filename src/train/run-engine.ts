// What of an engine a run keeps, and what to say where it goes on on another.

import type { EngineInfo } from '../engine.ts';
import { adapterName } from '../webgpu/adapter.ts';
import type { RunConfig } from './run-files.ts';

/** What of an engine a run keeps. */
export function engineOf({ engine: name, launch, adapter }: EngineInfo): RunConfig['engine'] {
  return {
    name,
    ...(launch === undefined ? {} : { launch }),
    ...(adapter === undefined ? {} : { adapter: adapterName(adapter) }),
  };
}

/** What to say where a run goes on on something else than it began on. */
export function otherEngine(was: RunConfig['engine'], is: RunConfig['engine']): string | undefined {
  const name = (engine: RunConfig['engine']) =>
    [engine.name, engine.launch && `(${engine.launch})`, engine.adapter && `on ${engine.adapter}`]
      .filter(Boolean)
      .join(' ');
  if (name(was) === name(is)) return undefined;
  return (
    `the run began with ${name(was)} and goes on with ${name(is)}: ` +
    'the losses agree within rounding, not bit for bit'
  );
}
