// Every matrix as an image: its values, its gradient, and what the last step changed.

import { useSignal } from '@preact/signals';
import { brief, signed } from '../format.ts';
import { AskButton } from '../parts/ask-button.tsx';
import { HeatMap, Scale } from '../parts/heat-map.tsx';
import { NumberChoice } from '../parts/number-choice.tsx';
import type { MatricesAnswer, Shown } from '../questions.ts';
import { useAnswer } from '../state/ask-when-quick.ts';
import { config } from '../state/run.ts';
import '../styles/inside.css';

const KINDS: Record<Shown, string> = {
  value: 'values',
  gradient: 'gradient of the next step',
  change: 'what the last step changed',
};

export default function MatrixImages() {
  const show = useSignal<Shown>('value');
  const layer = useSignal(0);
  const layers = config.value?.model.nLayer ?? 0;
  const at = Math.min(layer.value, Math.max(0, layers - 1));
  const asked = useAnswer<'matrices'>(
    layers === 0 ? undefined : { name: 'matrices', show: show.value, layer: at },
  );
  const { answer, answered } = asked;
  return (
    <>
      <h3>What the matrices look like</h3>
      <AskButton asked={asked} />
      <fieldset class="row">
        <legend class="hidden">Show</legend>
        {(Object.keys(KINDS) as Shown[]).map((kind) => (
          <label key={kind} class="choice">
            <input
              type="radio"
              name="matrices-show"
              checked={show.value === kind}
              onChange={() => {
                show.value = kind;
              }}
            />
            {KINDS[kind]}
          </label>
        ))}
        {layers > 1 && (
          <NumberChoice
            name="Layer"
            of={layers}
            at={at}
            choose={(i) => {
              layer.value = i;
            }}
          />
        )}
      </fieldset>
      {answer !== undefined && answered !== undefined && (
        <>
          <Scale signed from="below 0" to="above 0" />
          <div class="gallery" data-step={answer.step} data-show={answered.show}>
            {answer.matrices.map((matrix) => (
              <Matrix key={matrix.name} matrix={matrix} show={answered.show} />
            ))}
          </div>
          {answered.show === 'change' && answer.step === 0 && <p class="hint">No step has been made yet.</p>}
          <Norms answer={answer} />
        </>
      )}
    </>
  );
}

function Matrix({ matrix, show }: { matrix: MatricesAnswer['matrices'][number]; show: Shown }) {
  const { name, shape, picture } = matrix;
  const { rows, cols, tall, wide, values } = picture;
  const largest = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const place = (i: number, size: number, end: number) =>
    size === 1 ? `${i}` : `${i * size}–${Math.min(end, (i + 1) * size) - 1}`;
  return (
    <HeatMap
      label={`${name}, ${shape[0]} × ${shape[1]}, ${KINDS[show]}: from −${brief(largest)} to ${brief(largest)}`}
      rows={rows}
      cols={cols}
      values={values}
      cell={cellFor(Math.max(rows, cols))}
      read={(r, c) =>
        `[${place(r, tall, shape[0])}][${place(c, wide, shape[1])}] ${signed(values[r * cols + c])}`
      }
    >
      <code>{name}</code>
      <br />±{brief(largest)}
    </HeatMap>
  );
}

/** CSS pixels: a matrix of the default model is a glance, a large one is not a wall. */
function cellFor(longest: number): number {
  if (longest <= 32) return 6;
  return longest <= 64 ? 4 : 3;
}

function Norms({ answer }: { answer: MatricesAnswer }) {
  return (
    <table class="norms" aria-label="Norms">
      <thead>
        <tr>
          <th scope="col">√Σx² of</th>
          <th scope="col">values</th>
          <th scope="col">gradient</th>
          <th scope="col">last change</th>
          <th scope="col">change / values</th>
        </tr>
      </thead>
      <tbody>
        {answer.matrices.map(({ name, norms }) => (
          <tr key={name}>
            <th scope="row">
              <code>{name}</code>
            </th>
            <td>{brief(norms.value)}</td>
            <td>{brief(norms.gradient)}</td>
            <td data-change={norms.change}>{brief(norms.change)}</td>
            <td>{norms.value === 0 ? '–' : `${brief((100 * norms.change) / norms.value)}%`}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
