// The report's measurement, in the page.

import { measureReport } from '../../report/measure/measure.ts';
import { ConfigError } from '../../util/errors.ts';
import type { MeasureJob } from '../rooms/messages.ts';
import type { PostRoom } from './room-worker.ts';

/** Of the order of the rounds. */
const SEED = 42;

export async function measureHere(job: MeasureJob, signal: AbortSignal, post: PostRoom): Promise<void> {
  const { machine, seconds } = job;
  const gpu = async () => {
    if (!job.gpu) throw new ConfigError('The GPU was left out.');
    return navigator.gpu as GPU | undefined;
  };
  const report = await measureReport(
    { machine, mode: 'quick', seed: SEED, seconds, gpu, signal },
    {
      progress: (progress) => post({ type: 'measuring', ...progress }),
      section: (_name, _figures, soFar) => post({ type: 'report', report: soFar, done: false }),
    },
  );
  post({ type: 'report', report, done: true });
}
