// From figures to places on paper.

import { at, element, label, LETTER, line } from './svg.ts';

export interface Scale {
  /** The place of `x`; what lies outside of the domain stands at its nearer end. */
  (x: number): number;
  readonly ticks: readonly number[];
  readonly range: readonly [number, number];
}

/**
 * A logarithmic scale from one power of ten to another, for the positive ones among `values`, with at most `most` + 1
 * ticks. It begins early enough for the smallest value to have a bar.
 */
export function logScale(values: readonly number[], range: readonly [number, number], most = 8): Scale {
  let low = Infinity;
  let high = 0;
  for (const x of values) {
    if (!(x > 0) || x === Infinity) continue;
    low = Math.min(low, x);
    high = Math.max(high, x);
  }
  if (high === 0) [low, high] = [1, 10];
  const from = Math.floor(Math.log10(low) - 0.2);
  const to = Math.max(from + 1, Math.ceil(Math.log10(high) - 1e-9));
  const step = Math.ceil((to - from) / most);
  const ticks: number[] = [];
  for (let e = from; e <= to; e += step) ticks.push(10 ** e);
  const [left, right] = range;
  const place = (x: number) => {
    const share = x > 0 ? (Math.log10(Math.min(x, Number.MAX_VALUE)) - from) / (to - from) : 0;
    return left + Math.min(1, Math.max(0, share)) * (right - left);
  };
  return Object.assign(place, { ticks, range });
}

/** A scale from 0 to `high`, with about `most` ticks. */
export function linearScale(high: number, range: readonly [number, number], most = 5): Scale {
  const top = high > 0 && Number.isFinite(high) ? high : 1;
  const [left, right] = range;
  const step = niceStep(top / most);
  const ticks = Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => i * step);
  const place = (x: number) => left + Math.min(1, Math.max(0, x / top)) * (right - left);
  return Object.assign(place, { ticks, range });
}

/** The smallest of 1, 2, 5 times a power of ten that is at least `x`. */
function niceStep(x: number): number {
  const power = 10 ** Math.floor(Math.log10(x));
  return ([1, 2, 5].find((factor) => factor * power >= x) ?? 10) * power;
}

/** Thin lines down from `top` to `bottom` at the ticks, with their figures above. */
export function axisAbove(scale: Scale, top: number, bottom: number, text: (x: number) => string): string {
  return scale.ticks
    .map((tick) => {
      const x = scale(tick);
      const name = text(tick);
      // In the middle over its line, unless it would begin outside of the drawing.
      const inside = (name.length * LETTER) / 2 <= x;
      const place = inside ? { x, 'text-anchor': 'middle' } : { x: 0, 'text-anchor': 'start' };
      return (
        line(x, top, x, bottom, 'grid') +
        label(place.x, top - 7, name, { class: 'tick', 'text-anchor': place['text-anchor'] })
      );
    })
    .join('');
}

/** A point: filled where measured, open where predicted. */
export function dot(x: number, y: number, style: string, radius = 4.5): string {
  return element('circle', { cx: at(x), cy: at(y), r: radius, class: style });
}
