// What happens inside the model over a text of the reader's, or the first document.

import { useSignal } from '@preact/signals';
import { percent } from '../format.ts';
import { AskButton } from '../parts/ask-button.tsx';
import { INSIDE_TOKENS } from '../questions.ts';
import { useAnswer } from '../state/ask-when-quick.ts';
import { data } from '../state/run.ts';
import '../styles/inside.css';
import { Attention, Hidden, Next, Probabilities, Residual, type ViewProps } from './model-views.tsx';
import { seenAt, tokenName } from './token-names.ts';

export default function ModelInside() {
  const text = useSignal('');
  const chosen = useSignal<number | undefined>(undefined);
  const first = data.value?.documents[0] ?? '';
  const asked = useAnswer<'inside'>(
    data.value === undefined
      ? undefined
      : { name: 'inside', text: text.value === '' ? first : text.value, whole: text.value === '' },
  );
  const { answer } = asked;
  return (
    <>
      <h3>Look inside</h3>
      <div class="row">
        <label>
          Look at{' '}
          <input
            type="text"
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            value={text.value}
            placeholder={first}
            onInput={({ currentTarget }) => {
              text.value = currentTarget.value;
              chosen.value = undefined;
            }}
          />
        </label>
      </div>
      <AskButton asked={asked} />
      {answer !== undefined && (
        <View
          answer={answer}
          row={Math.min(chosen.value ?? answer.tokens.length - 1, answer.tokens.length - 1)}
          choose={(row) => {
            chosen.value = row;
          }}
        />
      )}
    </>
  );
}

function View({ answer, row, choose }: ViewProps & { choose: (row: number) => void }) {
  return (
    <div data-inside={answer.tokens.length} data-step={answer.step}>
      <Surprise answer={answer} row={row} choose={choose} />
      {answer.left > 0 && (
        <p class="hint">
          These are the first {answer.tokens.length} tokens, as many as the model
          {answer.tokens.length === INSIDE_TOKENS ? '’s views show' : ' sees at once'}; {answer.left} more
          follow.
        </p>
      )}
      <div class="pair">
        <Next answer={answer} row={row} />
        <Residual answer={answer} row={row} />
      </div>
      <Attention answer={answer} />
      <Probabilities answer={answer} />
      <Hidden answer={answer} />
    </div>
  );
}

/** Of ln V, what is drawn in full tint, and the tint in percent: the number on it stays readable. */
const FULL = 1.5;
const TINT = 45;

/** Each letter as it was foreseen by those before it. Press one to see what the model thought there. */
function Surprise({ answer, row, choose }: ViewProps & { choose: (row: number) => void }) {
  const { tokens, next, losses, probabilities } = answer;
  const V = probabilities.length / tokens.length;
  const target = (r: number): number | undefined => tokens[r + 1] ?? next;
  const known = Array.from(losses.keys()).filter((r) => !Number.isNaN(losses[r]));
  const order = known.toSorted((a, b) => losses[a] - losses[b]);
  const told = (r: number) =>
    `${tokenName(target(r) ?? -1)} after ${seenAt(tokens, r)} (${percent(Math.exp(-losses[r]))})`;
  return (
    <>
      <ol class="letters" aria-label="Surprise of each letter">
        {tokens.map((_token, r) => {
          const id = target(r);
          const tint = (TINT * Math.min(1, losses[r] / (FULL * Math.log(V)))).toFixed(1);
          return (
            <li key={r}>
              <button
                type="button"
                aria-pressed={r === row}
                onClick={() => choose(r)}
                style={
                  id === undefined
                    ? {}
                    : { background: `color-mix(in srgb, var(--accent) ${tint}%, var(--paper))` }
                }
              >
                <span class="char">{id === undefined ? '?' : tokenName(id)}</span>
                <span class="nats" data-loss={losses[r]}>
                  {id === undefined ? 'next' : losses[r].toFixed(2)}
                </span>
              </button>
            </li>
          );
        })}
      </ol>
      <p class="hint">
        Below each letter: how much it surprised the model, −ln p.{' '}
        {order.length > 1 && (
          <>
            Most confident of {told(order[0])}, most surprised by {told(order.at(-1)!)}. Press a letter to see
            what the model thought there.
          </>
        )}
      </p>
    </>
  );
}
