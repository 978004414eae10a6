// A training run in the worker: prepare, train while the page wants it, sample. In the order of microgpt.py, so that the
// same settings give the same losses and the same 20 names as the command line.

import { BUILTIN_NAMES } from '../data/builtin-names.ts';
import { readDocuments } from '../data/documents.ts';
import type { EngineSpec } from '../engine.ts';
import { createEngine, type ChosenEngine } from '../engines.ts';
import { countParameters } from '../model/parameters.ts';
import { prepareRun, type PreparedRun } from '../train/prepare.ts';
import { ProgressMeter } from '../train/progress.ts';
import { fingerprintDocuments } from '../train/run-files.ts';
import { checkSampleOptions, sampleDocument } from '../train/sampler.ts';
import { train, type TrainChunk } from '../train/trainer.ts';
import { ConfigError, DeviceError } from '../util/errors.ts';
import { PythonRandom } from '../util/python-random.ts';
import type { RunSettings, WorkerMessage } from './messages.ts';
import type { Orders } from './orders.ts';

/** Milliseconds between two reports: 20 a second look continuous, and a press is answered in time. */
const REPORT_INTERVAL = 50;
/** As microgpt.py. */
const SAMPLES = 20;
/** Previews during the training, after the one before it. */
const PREVIEWS = 10;
const PREVIEW_TEXTS = 4;
/** Characters of one: a long context must not keep the training waiting. */
const PREVIEW_LENGTH = 40;
/** Their initial values alone take 1 GiB in f64. */
const MAX_PARAMETERS = 2 ** 27;

export type Post = (...messages: WorkerMessage[]) => void;

/** Throws what makes the run impossible; see MicrogptError. */
export async function run(settings: RunSettings, orders: Orders, post: Post): Promise<void> {
  post({ type: 'phase', phase: 'preparing' });
  const { training, temperature } = settings;
  checkSampleOptions({ temperature });
  checkSize(settings.model);
  const { source, documents } = await readSource(settings.source);
  const prepared = prepareRun({ documents, model: settings.model, training });
  const { model, parameters } = prepared.spec;
  const chosen = await makeEngine(settings, prepared.spec);
  try {
    post({
      type: 'config',
      model,
      training,
      parameters: parameters.length,
      // A page that is not served securely has no SHA-256.
      data: {
        source,
        documents: documents.length,
        sha256: isSecureContext ? await fingerprintDocuments(documents) : '',
      },
      engine: chosen.engine.info,
      reason: chosen.reason,
      step: 0,
    });
    await trainAndSample(prepared, chosen, temperature, orders, post);
  } finally {
    chosen.close();
  }
}

async function trainAndSample(
  { spec, tokenizer, random }: PreparedRun,
  { engine }: ChosenEngine,
  temperature: number,
  orders: Orders,
  post: Post,
): Promise<void> {
  const { model, training } = spec;
  // Speeds are those of the training: its clock stands still in pauses and previews.
  let away = 0;
  const meter = new ProgressMeter(spec, () => performance.now() - away);
  const offTheClock = async <T>(work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await work();
    away += performance.now() - start;
    return result;
  };

  let step = 0;
  let loss = NaN;
  const report = (chunk: TrainChunk) => {
    const messages: WorkerMessage[] = [];
    for (const [i, value] of chunk.losses.entries()) {
      step = chunk.from + i + 1;
      loss = value;
      const { smoothedLoss, ...progress } = meter.update({
        from: step - 1,
        step,
        losses: chunk.losses.subarray(i, i + 1),
      });
      messages.push({ type: 'step', step, loss, smoothedLoss });
      if (step === chunk.step) messages.push({ type: 'progress', smoothedLoss, ...progress });
    }
    post(...messages);
  };

  let nextPreview = 0;
  const previewIfDue = async () => {
    if (step < nextPreview || step === training.steps) return;
    // The numbers that the samples at the end will draw, every time: what changes is the model.
    const dice = new PythonRandom(0);
    dice.setState(random.getState());
    const blockSize = Math.min(model.blockSize, PREVIEW_LENGTH);
    const texts: string[] = [];
    while (texts.length < PREVIEW_TEXTS) {
      texts.push(await sampleDocument(engine, tokenizer, dice, { temperature, blockSize }));
    }
    post({ type: 'preview', step, texts });
    nextPreview = (Math.floor((step / training.steps) * PREVIEWS) + 1) * (training.steps / PREVIEWS);
  };

  await offTheClock(previewIfDue);
  while (step < training.steps) {
    if (orders.paused) post({ type: 'phase', phase: 'paused' });
    const order = await offTheClock(() => orders.next());
    post({ type: 'phase', phase: 'training' });
    const options = { from: step, signal: orders.signal, interval: order === 'step' ? 0 : REPORT_INTERVAL };
    for await (const chunk of train(engine, training, options)) {
      report(chunk);
      await offTheClock(previewIfDue);
      if (order === 'step') break;
    }
  }

  post({ type: 'phase', phase: 'sampling' });
  for (let index = 1; index <= SAMPLES; index++) {
    const text = await sampleDocument(engine, tokenizer, random, { temperature, blockSize: model.blockSize });
    post({ type: 'sample', index, text });
  }
  post({ type: 'done', step, loss, ...meter.total() });
}

async function readSource(
  source: RunSettings['source'],
): Promise<{ source: string; documents: readonly string[] }> {
  const encode = (text: string) => new TextEncoder().encode(text);
  switch (source.kind) {
    case 'builtin':
      return { source: 'builtin', documents: readDocuments(encode(BUILTIN_NAMES), 'built-in names') };
    case 'text':
      return { source: 'your text', documents: readDocuments(encode(source.text), 'your text') };
    case 'file': {
      const { name } = source.file;
      const bytes = new Uint8Array(await source.file.arrayBuffer());
      return { source: name, documents: readDocuments(bytes, name) };
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

/** The engine asked for; the CPU's, and the reason, where WebGPU was asked for and cannot be had. */
async function makeEngine({ engine, launch }: RunSettings, spec: EngineSpec): Promise<ChosenEngine> {
  const gpu = async () => navigator.gpu as GPU | undefined;
  try {
    return await createEngine({ engine, launch, gpu }, spec);
  } catch (error) {
    if (engine !== 'webgpu' || !(error instanceof DeviceError)) throw error;
    const cpu = await createEngine({ engine: 'cpu', launch: 'auto', gpu }, spec);
    return { ...cpu, reason: `${error.message} The CPU engine trains instead.` };
  }
}
