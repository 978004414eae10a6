// Where a run begins: with settings, or with a run that the browser keeps.

import { tokenizeDocuments } from '../../data/tokenizer.ts';
import type { EngineSpec } from '../../engine.ts';
import { countParameters } from '../../model/parameters.ts';
import { prepareRun, type PreparedRun } from '../../train/prepare.ts';
import { otherEngine, engineOf } from '../../train/run-engine.ts';
import { fingerprintDocuments, type RunConfig, type SavedRun } from '../../train/run-files.ts';
import { checkSampleOptions } from '../../train/sampler.ts';
import { ConfigError, DataError } from '../../util/errors.ts';
import { PythonRandom } from '../../util/python-random.ts';
import type { DataMessage, NoticeMessage, Post, RunSettings } from '../messages.ts';
import { RunFolder } from '../store/runs.ts';
import { checkSameText, documentsOf } from '../store/texts.ts';
import { RunKeeper, type NewRun } from './keeper.ts';
import { LiveRun } from './live-run.ts';
import { describeData, readSource } from './source.ts';

/** Their initial values alone take 1 GiB in f64. */
const MAX_PARAMETERS = 2 ** 27;
/** As microgpt.py. */
export const SAMPLES = 20;

/** A run that is about to train. */
export interface Begun {
  readonly live: LiveRun;
  readonly keeper: RunKeeper;
  readonly data: RunConfig['data'];
  readonly temperature: number;
  /** Losses of the steps done, those that are kept. */
  readonly losses: ArrayLike<number>;
}

/** A new run. Throws MicrogptError where the settings make none. */
export async function begin(settings: RunSettings, post: Post): Promise<Begun> {
  const { training, temperature } = settings;
  checkSampleOptions({ temperature });
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
    sampling: { samples: SAMPLES, temperature },
  };
  const keeper = keep(newRun(settings, documents), config, prepared, { step: 0, losses: [] }, post);
  return { live, keeper, data, temperature, losses: [] };
}

/** A run that is kept, where it was left. Throws MicrogptError. */
export async function reopen(id: string, post: Post): Promise<Begun> {
  const folder = await RunFolder.open(id);
  try {
    const { checkpoint, notices } = await folder.read();
    const { config, tokenizer, state, losses } = checkpoint;
    const { name, text } = await folder.readDetails();
    const documents = documentsOf(text, await folder.readText(), name);
    if (documents !== undefined) await checkSameText(documents, config.data, name);
    else if (state.step < config.training.steps) {
      throw new DataError(
        `${name}: to go on, this run needs its text, “${config.data.source}”. Choose it in Runs.`,
      );
    }
    const { spec, data } = documents === undefined ? withoutText(checkpoint) : withText(config, documents);
    post([data]);
    const random = new PythonRandom(0);
    random.setState(checkpoint.random);
    const { engine, launch = 'auto' } = { engine: config.engine.name, launch: config.engine.launch };
    const live = await LiveRun.create({ spec, tokenizer, random }, { engine, launch });
    await live.resume(state);
    const other = otherEngine(config.engine, engineOf(live.engine.info));
    const said = other === undefined ? notices : [...notices, `${other}.`.replace(/^t/, 'T')];
    post([
      { type: 'kept', id, step: state.step },
      ...said.map((message): NoticeMessage => ({ type: 'notice', message })),
    ]);
    const now = { ...config, engine: engineOf(live.engine.info) };
    const keeper = keep(folder, now, { tokenizer, random }, { step: state.step, losses }, post);
    return { live, keeper, data: config.data, temperature: config.sampling.temperature, losses };
  } catch (error) {
    folder.release();
    throw error;
  }
}

function keep(
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

function withText(config: RunConfig, documents: readonly string[]): { spec: EngineSpec; data: DataMessage } {
  const { spec } = prepareRun({ documents, model: config.model, training: config.training });
  return { spec, data: describeData({ name: config.data.source, documents }, config.training.seed) };
}

/** Of a run that is done and needs no text any more: engines want a document all the same. */
function withoutText({ config, tokenizer, state }: SavedRun): { spec: EngineSpec; data: DataMessage } {
  const { model, training, data } = config;
  return {
    spec: { model, training, parameters: state.parameters, documents: tokenizeDocuments(tokenizer, ['']) },
    data: {
      type: 'data',
      source: data.source,
      count: data.documents,
      documents: [],
      chars: tokenizer.chars,
      longest: 0,
    },
  };
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
