// Losses of a sweep -> places on an axis and colours.

import type { ModelResult } from './sweep.ts';

/** Viridis, from the best model to the worst: readable on light and on dark ground, and without telling hues apart. */
const RAMP = ['#fde725', '#7ad151', '#22a884', '#2a788e', '#414487', '#440154'];

/** One way from best to worst for all models: `high` is where much worse ones are cut off. */
export interface Scale {
  readonly low: number;
  readonly high: number;
  readonly clipped: boolean;
}

/**
 * From the best loss up to the worst, but not beyond guessing (`chance`, ln V nats) nor four times as far as the
 * middle one: models that learnt nothing would leave the others no room.
 */
export function scaleOf(results: readonly ModelResult[], chance: number): Scale {
  const losses = results.flatMap(({ loss }) => loss ?? []).toSorted((a, b) => a - b);
  if (losses.length === 0) return { low: 0, high: 1, clipped: false };
  const low = losses[0];
  const worst = losses[losses.length - 1];
  const ends = [worst, chance, low + 4 * (losses[losses.length >> 1] - low)];
  const high = Math.min(...ends.filter((end) => end > low));
  return high < worst ? { low, high, clipped: true } : { low, high: worst, clipped: false };
}

/** 0 at the best loss, 1 at the end of the scale and beyond. */
export function partOf({ low, high }: Scale, loss: number): number {
  return high > low ? Math.min(1, (loss - low) / (high - low)) : 0;
}

/** Of `high`: a narrower scale has no ticks that differ in eight digits, and no whole numbers to count them by. */
const NARROWEST = 1e-6;

/** Two to five round numbers inside the scale, where it has a width. */
export function ticks({ low, high }: Scale): number[] {
  if (!(high - low > NARROWEST * high)) return [Number(low.toPrecision(4))];
  const rough = (high - low) / 4;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * unit).find((candidate) => candidate >= rough)!;
  const found: number[] = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(Number((i * step).toPrecision(8)));
  return found;
}

/** `part` from 0, the best, to 1. */
export function rampAt(part: number): string {
  const at = part * (RAMP.length - 1);
  const i = Math.min(RAMP.length - 2, Math.floor(at));
  const channel = (color: string, c: number) => parseInt(color.slice(1 + 2 * c, 3 + 2 * c), 16);
  const mixed = [0, 1, 2].map((c) => {
    const [from, to] = [channel(RAMP[i], c), channel(RAMP[i + 1], c)];
    return Math.round(from + (at - i) * (to - from));
  });
  return `#${mixed.map((x) => x.toString(16).padStart(2, '0')).join('')}`;
}
