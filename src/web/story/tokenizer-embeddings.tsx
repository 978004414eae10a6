// What tokens and positions mean to the model: a row of numbers each.

import { signed } from '../format.ts';
import { AskButton } from '../parts/ask-button.tsx';
import { HeatMap, Scale } from '../parts/heat-map.tsx';
import type { EmbeddingsAnswer } from '../questions.ts';
import { useAnswer } from '../state/ask-when-quick.ts';
import { config } from '../state/run.ts';
import '../styles/inside.css';
import { axisName, tokenName } from './token-names.ts';

export default function Embeddings() {
  const asked = useAnswer<'embeddings'>(config.value === undefined ? undefined : { name: 'embeddings' });
  const { answer } = asked;
  return (
    <>
      <h3>From numbers to meanings</h3>
      <p>
        A number says nothing about what it stands for. So each token has a row of <code>wte</code>, and each
        position a row of <code>wpe</code>; they begin as noise, and tokens that are used alike tend to become
        alike.
      </p>
      <AskButton asked={asked} />
      {answer !== undefined && (
        <>
          <Scale signed from="below 0" to="above 0" />
          <div class="gallery" data-step={answer.step}>
            <Rows title="wte" what="tokens" picture={answer.wte} name={axisName} />
            <Rows title="wpe" what="positions" picture={answer.wpe} name={String} />
            <Plane answer={answer} />
          </div>
        </>
      )}
    </>
  );
}

interface RowsProps {
  readonly title: string;
  readonly what: string;
  readonly picture: EmbeddingsAnswer['wte'];
  readonly name: (row: number) => string;
}

function Rows({ title, what, picture, name }: RowsProps) {
  const { rows, cols, tall, wide, values } = picture;
  const names = Array.from({ length: rows }, (_, r) => name(r));
  return (
    <HeatMap
      label={`${title}: one row for each of the ${what}`}
      rows={rows}
      cols={cols}
      values={values}
      cell={rows > 40 ? 4 : 12}
      {...(tall === 1 ? { rowNames: names } : {})}
      read={(r, c) =>
        `${title}[${tall === 1 ? names[r] : r * tall}][${c * wide}] ${signed(values[r * cols + c])}`
      }
    >
      <code>{title}</code> {what} × channels
    </HeatMap>
  );
}

/** More letters than this would hide each other. */
const PLACED = 80;
const SIZE = 300;
const PAD = 16;

/** The tokens in the plane in which their rows differ most. */
function Plane({ answer }: { answer: EmbeddingsAnswer }) {
  const { points, share } = answer.projection;
  const n = Math.min(PLACED, points.length / 2);
  const largest = points.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
  const place = (x: number) => SIZE / 2 + (x / largest) * (SIZE / 2 - PAD);
  const pairs = answer.closest.map(({ pair }) => pair.map(tokenName).join(' ')).join(', ');
  return (
    <figure class="heat map">
      <svg viewBox={`0 0 ${SIZE} ${SIZE}`} role="img" aria-label={`Tokens by meaning; closest: ${pairs}`}>
        <line x1={0} x2={SIZE} y1={SIZE / 2} y2={SIZE / 2} />
        <line x1={SIZE / 2} x2={SIZE / 2} y1={0} y2={SIZE} />
        {Array.from({ length: n }, (_, i) => (
          <text key={i} x={place(points[2 * i])} y={place(-points[2 * i + 1])}>
            {tokenName(i)}
          </text>
        ))}
      </svg>
      <figcaption>
        <code>wte</code> along its first two principal components, which hold {Math.round(100 * share)}% of
        the variance. Closest: {pairs}.
      </figcaption>
    </figure>
  );
}
