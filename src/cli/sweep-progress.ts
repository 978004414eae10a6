// How a sweep shows itself: a line rewritten in place on a terminal, else a line every tenth of it on standard error.

import type { SweepProgress } from '../train/sweep.ts';
import type { Output } from './output.ts';
import { duration, rate } from './progress-lines.ts';

/** Lines of a whole sweep where they cannot be rewritten. */
const LINES = 10;

export interface SweepTotal {
  /** Steps of all models together. */
  readonly modelSteps: number;
  readonly seconds: number;
  readonly modelStepsPerSecond: number;
}

export class SweepProgressLines {
  #output: Output;
  #start = performance.now();
  #modelSteps: number;
  #before: number;
  #lines = 0;

  /** `before`: model-steps that were done already. */
  constructor(output: Output, before = 0) {
    this.#output = output;
    this.#modelSteps = this.#before = before;
  }

  show(progress: SweepProgress): void {
    const { modelSteps, allModelSteps } = progress;
    this.#modelSteps = modelSteps;
    if (this.#output.quiet) return;
    if (this.#output.live) {
      this.#output.status(this.#line(progress));
      return;
    }
    const lines = Math.floor((LINES * modelSteps) / allModelSteps);
    if (lines === this.#lines || modelSteps === allModelSteps) return; // what follows tells of the end
    this.#lines = lines;
    this.#output.note(this.#line(progress));
  }

  total(): SweepTotal {
    const seconds = Math.max(performance.now() - this.#start, 1e-3) / 1000;
    const modelSteps = this.#modelSteps - this.#before;
    return { modelSteps, seconds, modelStepsPerSecond: modelSteps / seconds };
  }

  #line({ models, allModels, step, steps, modelSteps, allModelSteps, best }: SweepProgress): string {
    const { modelStepsPerSecond } = this.total();
    return [
      `models ${models}/${allModels}`,
      `step ${step}/${steps}`,
      `${rate(modelStepsPerSecond)} model-steps/s`,
      `${duration((allModelSteps - modelSteps) / modelStepsPerSecond)} left`,
      ...(best?.loss === undefined ? [] : [`best ${best.loss.toFixed(4)}`]),
    ].join(' | ');
  }
}
