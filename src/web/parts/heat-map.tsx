// A matrix as an image: one colour for what is above 0, one for what is below. Point at a cell, or go there with the
// arrow keys, to read it.

import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';

interface Props {
  /** What it shows, for those who do not see it. */
  readonly label: string;
  readonly rows: number;
  readonly cols: number;
  /** (rows, cols). */
  readonly values: ArrayLike<number>;
  /** What is drawn in full colour; the largest value unless told. */
  readonly full?: number;
  /** Width of a cell in CSS pixels, where there is room. */
  readonly cell: number;
  /** Height of a cell; that of its width unless told. */
  readonly tall?: number;
  readonly rowNames?: readonly string[];
  readonly colNames?: readonly string[];
  /** What stands below: of a cell, or of the whole where none is pointed at. */
  readonly read: (row: number, col: number) => string;
  readonly children?: ComponentChildren;
}

/** Room for the names of rows and columns, and the smallest cell that has one, in CSS pixels. */
const MARGIN = 18;
const NAMED = 9;

const ARROWS: Record<string, readonly [number, number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

export function HeatMap(props: Props) {
  const { label, rows, cols, read, children } = props;
  const figure = useRef<HTMLElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const pointed = useSignal<readonly [number, number] | undefined>(undefined);
  const room = useSignal(0); // CSS pixels
  const width = room.value;
  const at = pointed.value;
  const here = at !== undefined && at[0] < rows && at[1] < cols ? at : undefined;

  const draw = useRef(() => {});
  draw.current = () => {
    if (width > 0) paint(canvas.current!, props, width, here);
  };
  useLayoutEffect(() => draw.current());
  useEffect(() => {
    const ended = new AbortController();
    const around = figure.current!.parentElement!;
    const measure = () => {
      room.value = around.clientWidth;
    };
    const resized = new ResizeObserver(measure);
    resized.observe(around);
    measure();
    // A canvas does not follow the colours by itself.
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', () => draw.current(), { signal: ended.signal });
    return () => {
      resized.disconnect();
      ended.abort();
    };
  }, []);

  const point = (row: number, col: number) => {
    pointed.value = [Math.min(rows - 1, Math.max(0, row)), Math.min(cols - 1, Math.max(0, col))];
  };
  return (
    <figure ref={figure} class="heat">
      <canvas
        ref={canvas}
        role="img"
        aria-label={label}
        tabIndex={0}
        onPointerMove={({ offsetX, offsetY }) => {
          const ratio = devicePixelRatio;
          const { cellWidth, cellHeight, left, top } = layout(props, width, ratio);
          const col = Math.floor((offsetX * ratio - left) / cellWidth);
          const row = Math.floor((offsetY * ratio - top) / cellHeight);
          if (row < 0 || col < 0 || row >= rows || col >= cols) pointed.value = undefined;
          else if (here?.[0] !== row || here[1] !== col) point(row, col);
        }}
        onPointerLeave={() => {
          pointed.value = undefined;
        }}
        onBlur={() => {
          pointed.value = undefined;
        }}
        onKeyDown={(event) => {
          const by = ARROWS[event.key];
          if (by === undefined) return;
          event.preventDefault();
          event.stopPropagation();
          point(here === undefined ? 0 : here[0] + by[0], here === undefined ? 0 : here[1] + by[1]);
        }}
      />
      <figcaption>
        {here === undefined && children}
        {/* Alone in it, for what is said of the whole changes as the run goes on. */}
        <output>{here !== undefined && read(...here)}</output>
      </figcaption>
    </figure>
  );
}

/** In device pixels, so that every cell is as wide as the next. */
function layout({ rows, cols, cell, tall, rowNames, colNames }: Props, room: number, ratio: number) {
  const named = (names: readonly string[] | undefined) => (names === undefined ? 0 : MARGIN);
  const fits = Math.min(cell, (room - named(rowNames)) / cols);
  const cellWidth = Math.max(1, Math.floor(fits * ratio));
  const cellHeight = tall === undefined ? cellWidth : Math.floor(tall * ratio);
  const left = cellHeight < NAMED * ratio ? 0 : Math.round(named(rowNames) * ratio);
  const top = cellWidth < NAMED * ratio ? 0 : Math.round(named(colNames) * ratio);
  return {
    cellWidth,
    cellHeight,
    left,
    top,
    width: left + cols * cellWidth,
    height: top + rows * cellHeight,
  };
}

function paint(
  canvas: HTMLCanvasElement,
  props: Props,
  room: number,
  here: readonly [number, number] | undefined,
): void {
  const { rows, cols, values, rowNames, colNames } = props;
  const ratio = devicePixelRatio;
  const { cellWidth, cellHeight, left, top, width, height } = layout(props, room, ratio);
  canvas.width = width;
  canvas.height = height;
  canvas.style.width = `${width / ratio}px`;
  canvas.style.height = `${height / ratio}px`;
  const context = canvas.getContext('2d')!;
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const [zero, plus, minus] = ['zero', 'plus', 'minus'].map((name) => channels(colour(name)));
  let full = props.full ?? 0;
  if (props.full === undefined) {
    for (let i = 0; i < rows * cols; i++) full = Math.max(full, Math.abs(values[i]));
  }
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      const share = full === 0 ? 0 : values[r * cols + c] / full;
      context.fillStyle = mix(zero, share < 0 ? minus : plus, Math.min(1, Math.abs(share)));
      context.fillRect(left + c * cellWidth, top + r * cellHeight, cellWidth, cellHeight);
    }
  }
  context.font = `${Math.round(11 * ratio)}px ${colour('mono')}`;
  context.fillStyle = colour('muted');
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  if (left > 0) {
    rowNames?.forEach((name, r) => context.fillText(name, left * 0.4, top + (r + 0.5) * cellHeight));
  }
  if (top > 0) {
    colNames?.forEach((name, c) => context.fillText(name, left + (c + 0.5) * cellWidth, top * 0.45));
  }
  if (here === undefined) return;
  context.strokeStyle = colour('ink');
  context.lineWidth = Math.max(1, Math.round(1.5 * ratio));
  context.strokeRect(left + here[1] * cellWidth, top + here[0] * cellHeight, cellWidth, cellHeight);
}

/** `#rrggbb` */
function channels(colour: string): readonly number[] {
  return [1, 3, 5].map((i) => Number.parseInt(colour.slice(i, i + 2), 16));
}

function mix(a: readonly number[], b: readonly number[], share: number): string {
  return `rgb(${a.map((x, i) => Math.round(x + (b[i] - x) * share)).join(' ')})`;
}

/** What the colours mean. */
export function Scale({ from, to, signed = false }: { from: string; to: string; signed?: boolean }) {
  return (
    <p class={signed ? 'scale signed' : 'scale'}>
      <span>{from}</span>
      <i aria-hidden="true" />
      <span>{to}</span>
    </p>
  );
}
