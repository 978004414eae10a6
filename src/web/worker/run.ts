// A training run in the worker: prepare, train while the page wants it, sample, answer. In the order of microgpt.py, so
// that the same settings give the same losses and the same 20 names as the command line.

import { countParameters } from '../../model/parameters.ts';
import { prepareRun } from '../../train/prepare.ts';
import { fingerprintDocuments } from '../../train/run-files.ts';
import { checkSampleOptions } from '../../train/sampler.ts';
import { ConfigError } from '../../util/errors.ts';
import type { RunSettings } from '../messages.ts';
import { LiveRun } from './live-run.ts';
import type { Orders } from './orders.ts';
import { Session, type Post } from './session.ts';
import { describeData, readSource } from './source.ts';

/** Their initial values alone take 1 GiB in f64. */
const MAX_PARAMETERS = 2 ** 27;

/** Never ends by itself: a run that is done answers questions. Throws what ends it for good; see MicrogptError. */
export async function run(settings: RunSettings, orders: Orders, post: Post): Promise<never> {
  post([{ type: 'phase', phase: 'preparing' }]);
  const { training, temperature } = settings;
  checkSampleOptions({ temperature });
  checkSize(settings.model);
  const source = await readSource(settings.source);
  const prepared = prepareRun({ documents: source.documents, model: settings.model, training });
  post([describeData(source, training.seed)]);
  const live = await LiveRun.create(prepared, settings);
  try {
    post([
      {
        type: 'config',
        model: live.spec.model,
        training,
        parameters: live.spec.parameters.length,
        // A page that is not served securely has no SHA-256.
        data: {
          source: source.name,
          documents: source.documents.length,
          sha256: isSecureContext ? await fingerprintDocuments(source.documents) : '',
        },
        engine: live.engine.info,
        reason: live.reason,
        step: 0,
      },
    ]);
    const session = new Session(live, temperature, orders, post);
    for (;;) {
      try {
        await session.train();
        await session.sample();
        await session.answerForEver();
      } catch (error) {
        await session.recover(error);
      }
    }
  } finally {
    live.close();
  }
}

/** Before anything of that size is made. */
function checkSize(model: RunSettings['model']): void {
  const least = countParameters({ ...model, vocabSize: 2 });
  if (least > MAX_PARAMETERS) {
    throw new ConfigError(
      `A model of ${least.toExponential(1)} parameters is too large for a page: expected at most ${MAX_PARAMETERS}. ` +
        'Choose a smaller n_layer, n_embd or block_size.',
    );
  }
}
