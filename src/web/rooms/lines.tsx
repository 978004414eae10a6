// A few curves on common axes, as SVG.

import { tick as tickText } from '../format.ts';

interface Line {
  readonly name: string;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
}

interface Props {
  /** For those who do not see it. */
  readonly label: string;
  /** The first in the accent's colour. */
  readonly lines: readonly Line[];
  /** Where the axis across ends, and what it counts. */
  readonly right: number;
  readonly across: string;
  /** Drawn as a dashed line: what guessing would give. */
  readonly level?: number | undefined;
}

/** The box of the drawing; it is scaled to the width it gets. */
const WIDTH = 480;
const HEIGHT = 200;
const LEFT = 34;
const BOTTOM = 22;
const TOP = 8;

export function Lines({ label, lines, right, across, level }: Props) {
  const all = lines.flatMap(({ y }) => Array.from(y).filter(Number.isFinite));
  if (level !== undefined) all.push(level);
  const low = Math.floor(Math.min(...all) * 2) / 2;
  const high = Math.ceil(Math.max(...all) * 2) / 2 || 1;
  const px = (x: number) => LEFT + (x / right) * (WIDTH - LEFT - 4);
  const py = (y: number) => TOP + ((high - y) / (high - low || 1)) * (HEIGHT - TOP - BOTTOM);
  const points = ({ x, y }: Line) =>
    Array.from(x, (value, i) =>
      Number.isFinite(y[i]) ? `${px(value).toFixed(1)},${py(y[i]).toFixed(1)}` : '',
    );
  return (
    <svg class="lines" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {[low, (low + high) / 2, high].map((tick) => (
        <g key={tick}>
          <line class="rule" x1={LEFT} x2={WIDTH} y1={py(tick)} y2={py(tick)} />
          <text x={LEFT - 6} y={py(tick) + 4} text-anchor="end">
            {tickText(Number(tick.toFixed(2)))}
          </text>
        </g>
      ))}
      <text x={LEFT} y={HEIGHT - 4}>
        0
      </text>
      <text x={WIDTH} y={HEIGHT - 4} text-anchor="end">
        {across} {Number(right.toPrecision(3)).toLocaleString('en')}
      </text>
      {level !== undefined && <line class="level" x1={LEFT} x2={WIDTH} y1={py(level)} y2={py(level)} />}
      {lines.map((line, i) => (
        <polyline key={line.name} class={i === 0 ? 'first' : 'second'} points={points(line).join(' ')} />
      ))}
    </svg>
  );
}
