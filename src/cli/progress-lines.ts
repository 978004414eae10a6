// How training shows itself: a line rewritten in place on a terminal, else a line every twentieth of the run.

import type { Progress } from '../train/progress.ts';
import type { TrainChunk } from '../train/trainer.ts';
import type { Output } from './output.ts';

/** Lines of a whole run where they cannot be rewritten. */
const LINES = 20;
/** Columns of a terminal on which the words of the line of progress are written out. */
const WIDE = 100;

export class ProgressLines {
  #output: Output;
  #every: number;
  #steps: number;
  // Since the last line.
  #sum = 0;
  #count = 0;

  /** For a run of `steps`. */
  constructor(output: Output, steps: number) {
    this.#output = output;
    this.#steps = steps;
    this.#every = Math.ceil(steps / LINES);
  }

  show(chunk: TrainChunk, progress: Progress): void {
    if (this.#output.quiet) return;
    if (this.#output.live) {
      this.#output.status(liveLine(progress, this.#output.columns));
      return;
    }
    for (const [i, loss] of chunk.losses.entries()) {
      const step = chunk.from + i + 1;
      this.#output.record({ type: 'step', step, loss });
      this.#sum += loss;
      this.#count++;
      if (step % this.#every === 0 || step === this.#steps) {
        const mean = (this.#sum / this.#count).toFixed(4);
        this.#output.line(`${stepOf(step, this.#steps)} | loss ${loss.toFixed(4)} | mean ${mean}`);
        this.#sum = this.#count = 0;
      }
    }
  }
}

function stepOf(step: number, steps: number): string {
  return `step ${String(step).padStart(4)} / ${String(steps).padStart(4)}`;
}

/** Shorter words where the terminal is narrow; what matters least comes last, where it may be cut off. */
function liveLine(progress: Progress, columns: number): string {
  const { step, steps, loss, smoothedLoss, stepsPerSecond, tokensPerSecond, secondsLeft } = progress;
  const wide = columns >= WIDE;
  return [
    wide ? stepOf(step, steps) : `step ${step}/${steps}`,
    `loss ${loss.toFixed(4)}`,
    `${wide ? 'smoothed' : 'avg'} ${smoothedLoss.toFixed(4)}`,
    `${rate(stepsPerSecond)} steps/s`,
    `${duration(secondsLeft)}${wide ? ' left' : ''}`,
    `${rate(tokensPerSecond)} ${wide ? 'tokens/s' : 'tok/s'}`,
  ].join(' | ');
}

/** Three digits: `0.0123`, `56.7`, `1.23k`, `25.0M`. */
export function rate(perSecond: number): string {
  if (perSecond >= 999.5e3) return `${(perSecond / 1e6).toPrecision(3)}M`;
  if (perSecond >= 999.5) return `${(perSecond / 1e3).toPrecision(3)}k`;
  return perSecond.toPrecision(3);
}

/** `0:07`, `12:34`, `3:25:45`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const s = String(whole % 60).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${s}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${s}`;
}
