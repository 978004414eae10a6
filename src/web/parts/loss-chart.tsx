// The loss curve: each step, the smoothed loss, and what guessing would give. Drag to look closer, press twice to see all.

import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { count, lossText, tick } from '../format.ts';
import { useInView } from './in-view.ts';
import { config, data, history, historyVersion } from '../state/run.ts';

/**
 * The library, which makes a number format of navigator.language when it is loaded: Chromium without a locale
 * (LANG=C) says en-US@posix there, which is none, and the page would not start. Goes when uPlot no longer does.
 */
async function loadPlot(): Promise<typeof uPlot> {
  try {
    Intl.NumberFormat(navigator.language);
  } catch {
    Object.defineProperty(navigator, 'language', { value: 'en' });
  }
  return (await import('uplot')).default;
}

/** Height of a step's mark, in CSS pixels. */
const DOT = 2.5;
/** Series of the chart's data, after the steps. */
const LOW = 1;
const HIGH = 2;

interface Props {
  /** In CSS pixels. */
  readonly height: number;
  /** Whether it is explained below it. */
  readonly caption: boolean;
}

export function LossChart({ height, caption }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const inView = useInView(box);

  useEffect(() => {
    const element = box.current!;
    const ended = new AbortController();
    const { signal } = ended;
    void loadPlot().then((Plot) => {
      if (signal.aborted) return;
      const build = () => {
        chart.current?.destroy();
        chart.current = new Plot(options(element, height), dataOf(), element);
      };
      build();
      const resized = new ResizeObserver(
        () =>
          // 0 wide: the story is hidden behind a room.
          element.clientWidth > 0 && chart.current?.setSize({ width: element.clientWidth, height }),
      );
      resized.observe(element);
      // A canvas does not follow the colours by itself.
      matchMedia('(prefers-color-scheme: dark)').addEventListener('change', build, { signal });
      signal.addEventListener('abort', () => {
        resized.disconnect();
        chart.current?.destroy();
      });
    });
    return () => ended.abort();
  }, [height]);

  // In the frame of the numbers: useSignalEffect waits for another one, which every report would then cost.
  useEffect(
    () =>
      effect(() => {
        if (!inView.value) return;
        void historyVersion.value;
        void config.value;
        void data.value;
        chart.current?.setData(dataOf());
      }),
    [],
  );

  return (
    // The one without a caption is only a glance at the other.
    <figure class="loss" aria-hidden={!caption}>
      <div
        ref={box}
        class="plot"
        style={{ minHeight: `${height}px` }}
        role="img"
        aria-label={`Loss curve: ${described()}`}
      />
      {caption && <Caption />}
    </figure>
  );
}

function Caption() {
  return (
    <figcaption>
      <span class="key dots">each step</span>
      <span class="key line">smoothed</span>
      <span class="key chance">
        chance<span id="chance">{chanceText()}</span>
      </span>
    </figcaption>
  );
}

/** V, of the text where there is no run yet. */
function vocabSize(): number | undefined {
  const chars = data.value?.chars;
  return config.value?.model.vocabSize ?? (chars === undefined ? undefined : chars.length + 1);
}

function chanceText(): string {
  const V = vocabSize();
  return V === undefined ? '' : `, ln ${V} = ${Math.log(V).toFixed(2)}`;
}

/** For those who do not see the curve. */
function described(): string {
  void historyVersion.value;
  const last = history.current.buckets.at(-1);
  if (last === undefined || config.value === undefined) return 'no step yet';
  const { steps } = config.value.training;
  return `${lossText(last.smoothed)} smoothed after step ${count(last.step)} of ${count(steps)}`;
}

/** Steps, lowest and highest loss, smoothed loss of each bucket. */
function dataOf(): uPlot.AlignedData {
  const { buckets } = history.current;
  const columns = Array.from({ length: 4 }, () => new Float64Array(buckets.length));
  for (let i = 0; i < buckets.length; i++) {
    const { step, low, high, smoothed } = buckets[i];
    columns[0][i] = step;
    columns[LOW][i] = low;
    columns[HIGH][i] = high;
    columns[3][i] = smoothed;
  }
  return columns;
}

function options(element: HTMLElement, height: number): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(`--${name}`);
  const [dots, muted] = [colour('dots'), colour('muted')];
  const axis: uPlot.Axis = {
    stroke: muted,
    font: `12px ${style.fontFamily}`,
    grid: { stroke: colour('rule'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    cursor: { points: { show: false }, y: false },
    scales: {
      x: stepsScale(),
      y: { range: (_plot, low, high) => lossRange(low, high) },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 28,
        values: (_plot, ticks) => ticks.map((step) => (Number.isInteger(step) ? tick(step) : '')),
      },
      { ...axis, size: roomFor, values: (_plot, ticks) => lossTicks(ticks) },
    ],
    series: [
      {},
      { paths: () => null, points: { show: false } }, // see drawMarks
      { paths: () => null, points: { show: false } },
      { stroke: colour('accent'), width: 2, points: { show: false } },
    ],
    hooks: {
      drawAxes: [(plot) => drawMarks(plot, dots), (plot) => drawChance(plot, muted)],
    },
  };
}

/** CSS pixels beside the chart: for `2.5`, and for `1.25e30`. */
function roomFor(_plot: uPlot, ticks: readonly string[] | null): number {
  return Math.max(40, 12 + 7 * Math.max(...(ticks ?? []).map(({ length }) => length)));
}

/** One digit after the point, or as many as the ticks need. */
function lossTicks(ticks: readonly number[]): string[] {
  if (ticks.some((loss) => loss >= 1000)) return ticks.map(tick);
  const digits =
    [1, 2].find((n) => ticks.every((loss) => Math.abs(loss - Number(loss.toFixed(n))) < 1e-9)) ?? 3;
  return ticks.map((loss) => loss.toFixed(digits));
}

/** Until the reader looks closer the whole run, also the steps to come; then what they look at, however the run goes on. */
function stepsScale(): uPlot.Scale {
  let whole = 0; // steps of the run, as it was last shown
  return {
    time: false,
    auto: ({ scales }) => {
      const { min, max } = scales['x'];
      const { buckets } = history.current;
      if (typeof min !== 'number' || typeof max !== 'number' || buckets.length < 2) return true;
      return min <= buckets[0].step && max >= Math.min(whole, buckets.at(-1)!.step);
    },
    range: (_plot, low, high) => {
      const { buckets } = history.current;
      whole = config.value?.training.steps ?? 1000;
      if (low === null || high === null) return [0, whole];
      const everything = low <= (buckets[0]?.step ?? 0) && high >= (buckets.at(-1)?.step ?? 0);
      return everything ? [0, whole] : [low, high];
    },
  };
}

/** In halves, so that the curve does not quiver as it grows. */
function lossRange(low: number | null, high: number | null): uPlot.Range.MinMax {
  const chance = Math.log(vocabSize() ?? 27);
  const from = Math.min(low ?? chance - 1, chance);
  const to = Math.max(high ?? chance, chance);
  return [Math.max(0, Math.floor(from * 2 - 0.1) / 2), Math.ceil(to * 2 + 0.1) / 2];
}

/**
 * A mark for each bucket in view, from its lowest loss to its highest. Rectangles one by one: one
 * path of all of them costs the page three times as much.
 */
function drawMarks(plot: uPlot, colour: string): void {
  const [x, low, high] = plot.data as unknown as Float64Array[];
  const [from, to] = plot.series[0].idxs ?? [0, -1];
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  const perStep = bbox.width / Math.max(1, plot.scales['x'].max! - plot.scales['x'].min!);
  const width = Math.min(DOT * scale, Math.max((DOT * scale) / 2, perStep));
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = colour;
  for (let i = from; i <= to; i++) {
    const bottom = plot.valToPos(low[i], 'y', true);
    const top = plot.valToPos(high[i], 'y', true);
    const middle = plot.valToPos(x[i], 'x', true);
    ctx.fillRect(middle - width / 2, top - (DOT * scale) / 2, width, bottom - top + DOT * scale);
  }
  ctx.restore();
}

function drawChance(plot: uPlot, colour: string): void {
  const V = vocabSize();
  if (V === undefined) return;
  const { ctx, bbox } = plot;
  const y = plot.valToPos(Math.log(V), 'y', true);
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}
