// The loss curve, on a canvas: each step, the smoothed loss, and what guessing would give.

import { count } from './format.ts';
import type { LossHistory } from './loss-history.ts';

export interface Plot {
  readonly history: LossHistory;
  /** Of the whole run: the right end of the axis. */
  readonly steps: number;
  /** Loss of a model that finds every token equally likely, ln V. */
  readonly chance: number;
}

/** Room around the curve for the figures of the axes, in CSS pixels. */
const MARGIN = { left: 34, right: 10, top: 10, bottom: 24 };
/** Height of a step's mark. */
const DOT = 2.5;

export class LossChart {
  #canvas: HTMLCanvasElement;
  #plot: Plot | undefined;
  #waiting = false;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.changed()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.changed());
  }

  set plot(plot: Plot | undefined) {
    this.#plot = plot;
    this.changed();
  }

  /** Draws again before the next frame is shown. */
  changed(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      this.#draw();
    });
  }

  #draw(): void {
    const canvas = this.#canvas;
    const context = canvas.getContext('2d');
    if (context === null) return;
    const { clientWidth: width, clientHeight: height } = canvas;
    const scale = devicePixelRatio;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    context.scale(scale, scale);
    if (this.#plot !== undefined) drawPlot(context, this.#plot, width, height, getComputedStyle(canvas));
  }
}

function drawPlot(
  context: CanvasRenderingContext2D,
  { history, steps, chance }: Plot,
  width: number,
  height: number,
  style: CSSStyleDeclaration,
): void {
  const colour = (name: string) => style.getPropertyValue(`--${name}`);
  const { buckets } = history;
  let low = chance;
  let high = chance;
  for (const bucket of buckets) {
    low = Math.min(low, bucket.low);
    high = Math.max(high, bucket.high);
  }
  // The ends move in steps of the ticks, so that the curve does not quiver as it grows.
  const tick = niceStep((high - low || 1) / 3);
  const bottom = Math.max(0, Math.floor((low - tick / 10) / tick) * tick);
  const top = Math.ceil((high + tick / 10) / tick) * tick;
  const right = width - MARGIN.right;
  const floor = height - MARGIN.bottom;
  const x = (step: number) => MARGIN.left + (step / steps) * (right - MARGIN.left);
  const y = (loss: number) => floor - ((loss - bottom) / (top - bottom)) * (floor - MARGIN.top);

  context.font = `12px ${style.fontFamily}`;
  context.lineWidth = 1;
  context.strokeStyle = colour('rule');
  context.fillStyle = colour('muted');
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  const ticks = Math.round((top - bottom) / tick);
  for (let i = 0; i <= ticks; i++) {
    const loss = bottom + i * tick;
    line(context, MARGIN.left, y(loss), right, y(loss));
    context.fillText(loss.toFixed(tick < 0.1 ? 2 : 1), MARGIN.left - 6, y(loss));
  }
  context.textBaseline = 'alphabetic';
  const stepTick = Math.max(1, niceStep(steps / (width < 500 ? 3 : 5)));
  for (let step = 0; step <= steps; step += stepTick) {
    const text = count(step);
    const half = context.measureText(text).width / 2;
    context.textAlign = 'center';
    context.fillText(text, Math.min(x(step), width - half), height - 6);
  }

  context.fillStyle = colour('dots');
  const column = Math.min(DOT, Math.max(DOT / 2, (right - MARGIN.left) / steps));
  for (const { step, low: from, high: to } of buckets) {
    context.fillRect(x(step) - column / 2, y(to) - DOT / 2, column, y(from) - y(to) + DOT);
  }

  context.strokeStyle = colour('muted');
  context.setLineDash([5, 4]);
  line(context, MARGIN.left, y(chance), right, y(chance));
  context.setLineDash([]);

  context.strokeStyle = colour('accent');
  context.lineWidth = 2;
  context.lineJoin = 'round';
  context.beginPath();
  for (const { step, smoothed } of buckets) context.lineTo(x(step), y(smoothed));
  context.stroke();
}

function line(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

/** The smallest of 1, 2, 5, 10, 20, 50 … (and 0.5, 0.2, 0.1 …) that is at least `x`. */
export function niceStep(x: number): number {
  const power = 10 ** Math.floor(Math.log10(x));
  const factor = [1, 2, 5].find((f) => f * power >= x) ?? 10;
  return factor * power;
}
