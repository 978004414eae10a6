// A small curve with a tangent, as SVG.

interface Props {
  readonly label: string;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** A point of the curve, and the slope of the line drawn through it. */
  readonly at: { readonly x: number; readonly y: number; readonly slope: number };
}

/** The box of the drawing; it is stretched to the width it gets. */
const WIDTH = 640;
const HEIGHT = 220;
const PAD = 12;

export function Curve({ label, x, y, at }: Props) {
  const [left, right] = [x[0], x[x.length - 1]];
  const span = Math.max(...Array.from(y)) - Math.min(...Array.from(y)) || 1e-9;
  const middle = (Math.max(...Array.from(y)) + Math.min(...Array.from(y))) / 2;
  const px = (value: number) => PAD + ((value - left) / (right - left)) * (WIDTH - 2 * PAD);
  const py = (value: number) => HEIGHT / 2 - ((value - middle) / span) * (HEIGHT - 4 * PAD);
  const points = Array.from(x, (value, i) => `${px(value).toFixed(1)},${py(y[i]).toFixed(1)}`).join(' ');
  const tangent = (value: number) => py(at.y + (value - at.x) * at.slope);
  return (
    <svg class="curve" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      <polyline class="graph" points={points} />
      <line class="tangent" x1={px(left)} y1={tangent(left)} x2={px(right)} y2={tangent(right)} />
      <circle cx={px(at.x)} cy={py(at.y)} r={5} />
    </svg>
  );
}
