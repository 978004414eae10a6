// Shows the messages of one run: figures, curve, samples. Every figure comes from the worker.

import { adapterName } from '../webgpu/adapter.ts';
import type { ConfigRecord } from '../train/records.ts';
import { byId, showText } from './dom.ts';
import { count, duration, guessing, lossText, rate } from './format.ts';
import { LossChart } from './loss-chart.ts';
import { LossHistory } from './loss-history.ts';
import type { ProgressMessage, WorkerMessage } from './messages.ts';

const NONE = '–';
const FIGURES = ['now-step', 'now-loss', 'now-speed', 'now-engine', 'smoothed', 'guessing', 'tokens', 'left'];
/** Say what will be where nothing is yet. */
const HINTS = ['no-curve', 'no-previews', 'no-samples'];
const ENGINES = { webgpu: 'WebGPU', cpu: 'CPU', oracle: 'Oracle' };

export class RunView {
  #canvas = byId('curve', HTMLCanvasElement);
  #chart = new LossChart(this.#canvas);
  #progress = byId('progress', HTMLProgressElement);
  #previews = byId('previews', HTMLOListElement);
  #samples = byId('samples', HTMLOListElement);
  #history = new LossHistory();
  #steps = 1;

  /** `asked` is the engine of the settings: another one is worth a notice. */
  show(message: WorkerMessage, asked: string): void {
    switch (message.type) {
      case 'config':
        this.#showConfig(message, asked);
        break;
      case 'step':
        this.#history.push(message.step, message.loss, message.smoothedLoss);
        this.#chart.changed();
        break;
      case 'progress':
        this.#showProgress(message);
        break;
      case 'preview':
        this.#showPreview(message.step, message.texts);
        break;
      case 'sample': {
        byId('no-samples', HTMLElement).hidden = true;
        const item = document.createElement('li');
        item.textContent = message.text;
        this.#samples.append(item);
        break;
      }
      case 'done':
        set('now-speed', rate(message.stepsPerSecond ?? 0));
        set('tokens', rate(message.tokensPerSecond ?? 0));
        set('left', 'done');
        break;
      case 'phase':
      case 'error':
        this.#describeCurve();
        break;
    }
  }

  clear(): void {
    for (const id of FIGURES) set(id, NONE);
    for (const id of ['model', 'engine-detail', 'chance']) set(id, '');
    for (const id of HINTS) byId(id, HTMLElement).hidden = false;
    showText(byId('notice', HTMLElement), '');
    this.#previews.replaceChildren();
    this.#samples.replaceChildren();
    this.#progress.value = 0;
    this.#chart.plot = undefined;
    this.#history = new LossHistory();
    this.#describeCurve();
  }

  #showConfig({ model, training, parameters, data, engine, reason }: ConfigRecord, asked: string): void {
    const chance = Math.log(model.vocabSize);
    this.#steps = training.steps;
    this.#progress.max = training.steps;
    this.#chart.plot = { history: this.#history, steps: training.steps, chance };
    set('now-step', `0 / ${count(training.steps)}`);
    set('now-engine', ENGINES[engine.engine] + (engine.adapter?.software ? ' (software)' : ''));
    byId('no-curve', HTMLElement).hidden = true;
    set('chance', `, ln ${model.vocabSize} = ${chance.toFixed(2)}`);
    set(
      'model',
      `${count(parameters)} parameters, ${model.vocabSize} tokens in the vocabulary, ${count(data.documents)} documents.`,
    );
    set('engine-detail', `Engine: ${engine.description}.`);
    if (asked === 'webgpu' && engine.engine !== 'webgpu') showText(byId('notice', HTMLElement), reason);
    else if (engine.adapter?.software)
      showText(byId('notice', HTMLElement), softwareNotice(adapterName(engine.adapter)));
    else if (asked === 'auto') set('engine-detail', `Engine: ${reason}.`);
  }

  #showProgress(progress: ProgressMessage): void {
    this.#progress.value = progress.step;
    set('now-step', `${count(progress.step)} / ${count(progress.steps)}`);
    set('now-loss', lossText(progress.loss));
    set('now-speed', rate(progress.stepsPerSecond));
    set('smoothed', lossText(progress.smoothedLoss));
    set('guessing', guessing(progress.smoothedLoss));
    set('tokens', rate(progress.tokensPerSecond));
    set('left', duration(progress.secondsLeft));
  }

  #showPreview(step: number, texts: readonly string[]): void {
    byId('no-previews', HTMLElement).hidden = true;
    const item = document.createElement('li');
    const when = document.createElement('span');
    when.textContent = step === 0 ? 'untrained' : `step ${count(step)}`;
    const what = document.createElement('span');
    // A model may write nothing at all.
    what.textContent = texts.map((text) => text || '(nothing)').join(' · ');
    item.append(when, what);
    this.#previews.append(item);
  }

  /** For those who do not see the curve; now and then, not at every step. */
  #describeCurve(): void {
    const last = this.#history.buckets.at(-1);
    const text =
      last === undefined
        ? 'no step yet'
        : `${lossText(last.smoothed)} smoothed after step ${count(last.step)} of ${count(this.#steps)}`;
    this.#canvas.setAttribute('aria-label', `Loss curve: ${text}`);
  }
}

function softwareNotice(adapter: string): string {
  return `This browser’s WebGPU adapter is ${adapter}. It gives the right numbers, slowly: its speed says nothing about GPUs.`;
}

function set(id: string, text: string): void {
  byId(id, HTMLElement).textContent = text;
}
