// The views into the model: what comes next, attention, the residual stream, the MLP.

import { config } from '../state/run.ts';
import { useSignal } from '@preact/signals';
import { brief, percent } from '../format.ts';
import { HeatMap, Scale } from '../parts/heat-map.tsx';
import { NumberChoice } from '../parts/number-choice.tsx';
import { picture } from '../picture.ts';
import type { InsideAnswer } from '../questions.ts';
import { axisName, seenAt, tokenName } from './token-names.ts';

export interface ViewProps {
  readonly answer: InsideAnswer;
  /** The position that is looked at. */
  readonly row: number;
}

/** Rows of the list of probabilities. */
const LIKELY = 8;

/** What comes next at one position. */
export function Next({ answer, row }: ViewProps) {
  const { tokens, probabilities } = answer;
  const V = probabilities.length / tokens.length;
  const likely = Array.from(probabilities.subarray(row * V, (row + 1) * V), (p, id) => ({ id, p }))
    .sort((a, b) => b.p - a.p || a.id - b.id)
    .slice(0, LIKELY);
  return (
    <div>
      <h3>After {seenAt(tokens, row)}</h3>
      <table class="likely" aria-label={`Likely after ${seenAt(tokens, row)}`}>
        <tbody>
          {likely.map(({ id, p }) => (
            <tr key={id}>
              <th scope="row">{tokenName(id)}</th>
              <td class="bars">
                <span class="bar-of" style={{ width: `${100 * p}%` }} />
              </td>
              <td data-p={p}>{percent(p)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** How long the row of numbers is, on its way. */
export function Residual({ answer, row }: ViewProps) {
  const { stages } = answer;
  const largest = Math.max(...stages.map(({ rms }) => rms[row]));
  return (
    <div>
      <h3>The residual stream there</h3>
      <table class="likely stages" aria-label="Residual stream">
        <tbody>
          {stages.map(({ name, rms }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="bars">
                <span class="bar-of" style={{ width: `${(100 * rms[row]) / largest}%` }} />
              </td>
              <td data-rms={rms[row]}>{rms[row].toFixed(3)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="hint">
        √(mean x²) after each stage: {config.value?.model.norm === 'rmsnorm' && 'it begins near 1, and '}
        attention and MLP add to x.
      </p>
    </div>
  );
}

/** More images than this are shown a layer at a time. */
const IMAGES = 16;

/** Of every layer and head: rows attend to columns. */
export function Attention({ answer }: Pick<ViewProps, 'answer'>) {
  const layer = useSignal(0);
  const { layers, tokens } = answer;
  const n = tokens.length;
  const H = layers[0].attention.length / (n * n);
  const all = layers.length * H <= IMAGES;
  const shown = all ? [...layers.keys()] : [Math.min(layer.value, layers.length - 1)];
  const names = tokens.map(axisName);
  return (
    <>
      <h3>Attention: who looks at whom</h3>
      <div class="row">
        <Scale from="0" to="all of it" />
        {!all && (
          <NumberChoice
            name="Layer"
            of={layers.length}
            at={shown[0]}
            choose={(i) => {
              layer.value = i;
            }}
          />
        )}
      </div>
      <div class="gallery">
        {shown.flatMap((i) =>
          Array.from({ length: H }, (_, h) => {
            const weights = layers[i].attention.subarray(h * n * n, (h + 1) * n * n);
            return (
              <HeatMap
                key={`${i} ${h}`}
                label={`Attention of layer ${i}, head ${h}: each row a token, each column a token it looks at`}
                rows={n}
                cols={n}
                values={weights}
                full={1}
                cell={Math.max(5, Math.min(18, Math.floor(240 / n)))}
                rowNames={names}
                colNames={names}
                read={(r, c) =>
                  c > r
                    ? 'later: not to be seen'
                    : `${names[r]} → ${names[c]}: ${percent(weights[r * n + c])}`
                }
              >
                layer {i}, head {h}
              </HeatMap>
            );
          }),
        )}
      </div>
    </>
  );
}

/** Columns of the image of probabilities: of a larger vocabulary the likeliest tokens. */
const COLUMNS = 48;

/** What comes next at every position. */
export function Probabilities({ answer }: Pick<ViewProps, 'answer'>) {
  const { tokens, probabilities } = answer;
  const n = tokens.length;
  const V = probabilities.length / n;
  const highest = (id: number) => Math.max(...tokens.map((_, r) => probabilities[r * V + id]));
  const ids = Array.from({ length: V }, (_, id) => id);
  const shown =
    V <= COLUMNS
      ? ids
      : ids
          .map((id) => ({ id, p: highest(id) }))
          .sort((a, b) => b.p - a.p)
          .slice(0, COLUMNS)
          .map(({ id }) => id)
          .sort((a, b) => a - b);
  const values = Float64Array.from(
    { length: n * shown.length },
    (_, i) => probabilities[Math.floor(i / shown.length) * V + shown[i % shown.length]],
  );
  return (
    <>
      <h3>What it expects next, at each position</h3>
      <Scale from="0" to="certain" />
      <div class="gallery">
        <HeatMap
          label="Probability of each next token, at each position"
          rows={n}
          cols={shown.length}
          values={values}
          full={1}
          cell={18}
          rowNames={tokens.map(axisName)}
          colNames={shown.map(axisName)}
          read={(r, c) =>
            `${tokenName(shown[c])} after ${seenAt(tokens, r)}: ${percent(values[r * shown.length + c])}`
          }
        >
          rows: the text so far; columns: what may come next
        </HeatMap>
      </div>
    </>
  );
}

/** The hidden units of the MLP after the activation. */
export function Hidden({ answer }: Pick<ViewProps, 'answer'>) {
  const { layers, tokens } = answer;
  const n = tokens.length;
  const units = layers[0].hidden.length / n; // 4C
  const layer = useSignal(0);
  const all = layers.length <= IMAGES / 4;
  const shown = all ? [...layers.keys()] : [Math.min(layer.value, layers.length - 1)];
  return (
    <>
      <h3>Hidden units of the MLP</h3>
      <div class="row">
        <Scale from="0: silent" to="most active" />
        {!all && (
          <NumberChoice
            name="Layer"
            of={layers.length}
            at={shown[0]}
            choose={(i) => {
              layer.value = i;
            }}
          />
        )}
      </div>
      <div class="gallery">
        {shown.map((i) => {
          const { hidden } = layers[i];
          const { rows, cols, tall, wide, values } = picture(hidden, n, units);
          const alive = hidden.reduce((sum, h) => sum + (h > 0 ? 1 : 0), 0) / hidden.length;
          return (
            <HeatMap
              key={i}
              label={`Hidden units of layer ${i}: ${percent(alive)} above 0`}
              rows={rows}
              cols={cols}
              values={values}
              cell={12}
              tall={12}
              {...(tall === 1 ? { rowNames: tokens.map(axisName) } : {})}
              read={(r, c) =>
                `unit ${c * wide} at ${axisName(tokens[r * tall])}: ${brief(values[r * cols + c])}`
              }
            >
              layer {i}: <span data-alive={alive}>{percent(alive)}</span> of {units} units above 0
            </HeatMap>
          );
        })}
      </div>
    </>
  );
}
