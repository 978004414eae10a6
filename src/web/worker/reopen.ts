// A run that the browser keeps, taken up where it was left. Loaded only where that is wanted.

import { tokenizeDocuments } from '../../data/tokenizer.ts';
import type { EngineSpec } from '../../engine/engine.ts';
import { prepareRun } from '../../train/prepare.ts';
import { engineOf, otherEngine } from '../../train/run-engine.ts';
import type { RunConfig, SavedRun } from '../../train/run-files.ts';
import { DataError } from '../../util/errors.ts';
import { PythonRandom } from '../../util/python-random.ts';
import type { DataMessage, NoticeMessage, Post } from '../messages.ts';
import { RunFolder } from '../store/runs.ts';
import { checkSameText, documentsOf } from '../store/texts.ts';
import { keep, type Begun } from './begin.ts';
import { LiveRun } from './live-run.ts';
import { describeData } from './source.ts';

/** Throws MicrogptError. */
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
    const { name: engine, launch = 'auto', build } = config.engine;
    const live = await LiveRun.create({ spec, tokenizer, random }, { engine, launch, build });
    await live.resume(state);
    const other = otherEngine(config.engine, engineOf(live.engine.info));
    const said = other === undefined ? notices : [...notices, `${other}.`.replace(/^t/, 'T')];
    post([
      { type: 'kept', id, step: state.step },
      ...said.map((message): NoticeMessage => ({ type: 'notice', message })),
    ]);
    const now = { ...config, engine: engineOf(live.engine.info) };
    const keeper = keep(folder, now, { tokenizer, random }, { step: state.step, losses }, post);
    return { live, keeper, data: config.data, sampling: config.sampling, losses };
  } catch (error) {
    folder.release();
    throw error;
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
      offsets: new Uint32Array(0),
      next: false,
    },
  };
}
