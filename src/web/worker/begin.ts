// Where a run begins: with settings. One that the browser keeps begins in reopen.ts.

import { countParameters } from '../../model/parameters.ts';
import { prepareRun, type PreparedRun } from '../../train/prepare.ts';
import { engineOf } from '../../train/run-engine.ts';
import { fingerprintDocuments, type RunConfig } from '../../train/run-files.ts';
import { checkSampleOptions } from '../../train/sampler.ts';
import { ConfigError } from '../../util/errors.ts';
import type { Post, RunSettings } from '../messages.ts';
import type { RunFolder } from '../store/runs.ts';
import { RunKeeper, type NewRun } from './keeper.ts';
import { LiveRun } from './live-run.ts';
import { describeData, readSource } from './source.ts';

/** Their initial values alone take 1 GiB in f64. */
const MAX_PARAMETERS = 2 ** 27;

/** A run that is about to train. */
export interface Begun {
  readonly live: LiveRun;
  /** Undefined where the run is not to be saved. */
  readonly keeper: RunKeeper | undefined;
  readonly data: RunConfig['data'];
  readonly sampling: RunConfig['sampling'];
  /** Losses of the steps done, those that are kept. */
  readonly losses: ArrayLike<number>;
}

/** A new run, saved where `kept`. Throws MicrogptError where the settings make none. */
export async function begin(settings: RunSettings, kept: boolean, post: Post): Promise<Begun> {
  const { training, sampling } = settings;
  checkSampleOptions(sampling);
  checkSize(settings.model);
  const source = await readSource(settings.source);
  const { documents, name } = source;
  const prepared = prepareRun({ documents, model: settings.model, training });
  post([describeData(source, training.seed)]);
  const live = await LiveRun.create(prepared, settings);
  const data = {
    source: name,
    documents: documents.length,
    // A page that is not served securely has no SHA-256.
    sha256: isSecureContext ? await fingerprintDocuments(documents) : '',
  };
  const config: RunConfig = {
    model: live.spec.model,
    training,
    data,
    engine: engineOf(live.engine.info),
    sampling,
  };
  const keeper = kept
    ? keep(newRun(settings, documents), config, prepared, { step: 0, losses: [] }, post)
    : undefined;
  return { live, keeper, data, sampling, losses: [] };
}

/** What saves a run; `from`: what is saved already. */
export function keep(
  run: RunFolder | NewRun,
  config: RunConfig,
  { tokenizer, random }: Pick<PreparedRun, 'tokenizer' | 'random'>,
  from: { step: number; losses: ArrayLike<number> },
  post: Post,
): RunKeeper {
  const fixed = { config, tokenizer, random: random.getState() };
  return new RunKeeper(run, fixed, from, (message) => post([message]));
}

function newRun({ source }: RunSettings, documents: readonly string[]): NewRun {
  switch (source.kind) {
    case 'builtin':
      return { details: { name: '', text: { kind: 'builtin' } }, text: undefined };
    case 'toy':
      return { details: { name: '', text: source }, text: undefined };
    default: {
      const text = new TextEncoder().encode(`${documents.join('\n')}\n`);
      return { details: { name: '', text: { kind: 'stored' } }, text };
    }
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
