// "Inference: may the model babble back to us."

import { useSignal, useSignalEffect } from '@preact/signals';
import { TOY_TASKS } from '../../data/toy-tasks.ts';
import { count, noveltyOf, percent } from '../format.ts';
import { OptionFields, Settings } from '../parts/fields.tsx';
import { Maths, Section } from '../parts/section.tsx';
import { useLiveAnswer } from '../state/ask.ts';
import { data, isAsking, previews, samples, total } from '../state/run.ts';
import { shownFields, toyTask } from '../state/settings.ts';
import { ask } from '../state/trainer.ts';
import { visible } from './tokenizer.tsx';

export function Inference() {
  return (
    <Section
      id="inference"
      title="Inference"
      say={
        <>
          <p>
            Begin with BOS, compute the probabilities of the next token, draw one accordingly, append it, and
            repeat, until BOS comes up or the context is full. What comes out need not be in the text: the
            model makes it up.
          </p>
          <Maths>
            <p>
              <var>p</var> = softmax(logits / <var>temperature</var>)
            </p>
          </Maths>
          <Settings legend="Inference">
            <OptionFields kind="sampling" />
          </Settings>
        </>
      }
    >
      <Prefix />
      <Learning />
      <Samples />
    </Section>
  );
}

/** Rows of the list of probabilities. */
const SHOWN = 8;
/** Texts of a press. */
const WRITTEN = 8;

function Prefix() {
  const prefix = useSignal('');
  const temperature = useSignal(1);
  const written = useSignal<readonly string[]>([]);
  const presses = useSignal(0);
  const { answer, answered, error } = useLiveAnswer({
    name: 'next',
    prefix: prefix.value,
    temperature: temperature.value,
  });
  useSignalEffect(() => {
    if (!isAsking()) written.value = []; // their model is gone
  });
  const chars = data.value?.chars ?? [];
  const likely = mostLikely(answer.value?.probabilities, SHOWN);

  const write = async () => {
    const question = { prefix: prefix.value, temperature: temperature.value, count: WRITTEN };
    // Another press, another stream.
    const got = await ask<'write'>({ name: 'write', ...question, seed: presses.value++ }).catch(
      () => undefined,
    );
    written.value = got?.texts ?? [];
  };

  return (
    <>
      <h3>What comes next?</h3>
      <div class="row">
        <label>
          Begin with{' '}
          <input
            id="prefix"
            type="text"
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            value={prefix.value}
            placeholder="nothing"
            onInput={({ currentTarget }) => {
              prefix.value = currentTarget.value;
            }}
          />
        </label>
        <label class="slider">
          at temperature {temperature.value.toFixed(1)}{' '}
          <input
            type="range"
            min={0.1}
            max={2}
            step={0.1}
            value={temperature.value}
            onInput={({ currentTarget }) => {
              temperature.value = currentTarget.valueAsNumber;
            }}
          />
        </label>
        <button type="button" aria-disabled={!isAsking()} onClick={() => isAsking() && void write()}>
          Write {WRITTEN}
        </button>
      </div>
      {!isAsking() && <p class="hint">Start a run, or do one step: then there is a model to ask.</p>}
      {error.value !== '' && <p class="hint">{error.value}</p>}
      {likely.length > 0 && (
        <table class="likely" aria-label={`After “${answered.value?.prefix}”`}>
          <tbody>
            {likely.map(({ id, probability }) => (
              <tr key={id}>
                <th scope="row">{id === chars.length ? 'BOS' : visible(chars[id])}</th>
                <td class="bars">
                  <span class="bar-of" style={{ width: `${100 * probability}%` }} />
                </td>
                <td data-probability={probability}>{percent(probability)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {written.value.length > 0 && (
        <ul class="samples plain" aria-label="Written on request">
          {written.value.map((text, i) => (
            <Sample key={i} text={text} />
          ))}
        </ul>
      )}
    </>
  );
}

function Learning() {
  return (
    <>
      <h3>As it learns</h3>
      {previews.value.length === 0 && (
        <p class="hint">What it writes before and during the training appears here.</p>
      )}
      <ol class="previews" aria-label="Samples during the training">
        {previews.value.map(({ step, texts }) => (
          <li key={step}>
            <span>{step === 0 ? 'untrained' : `step ${count(step)}`}</span>
            <span>{texts.map((text) => text || '(nothing)').join(' · ')}</span>
          </li>
        ))}
      </ol>
    </>
  );
}

function Samples() {
  const task = toyTask(shownFields.value);
  const texts = samples.value;
  const right = task === undefined ? 0 : texts.filter(TOY_TASKS[task].isRight).length;
  return (
    <>
      <h3>After the training</h3>
      {texts.length === 0 && <p class="hint">20 samples follow the last step.</p>}
      <ol class="samples" aria-label="Samples after the training">
        {texts.map((text, i) => (
          <Sample key={i} text={text} />
        ))}
      </ol>
      <Novelty />
      {task !== undefined && texts.length > 0 && (
        <p>
          {right} of {texts.length} are right.
        </p>
      )}
    </>
  );
}

/** How many of the samples are more than a quotation. */
function Novelty() {
  const copies = total.value?.copies;
  const all = samples.value.length;
  if (copies === undefined) return null;
  return <p id="novelty">{noveltyOf(all, copies)}</p>;
}

/** A text, marked where its task has a right answer. */
function Sample({ text }: { text: string }) {
  const task = toyTask(shownFields.value);
  const right = task === undefined ? undefined : TOY_TASKS[task].isRight(text);
  return <li class={right === undefined ? undefined : right ? 'right' : 'wrong'}>{text || '(nothing)'}</li>;
}

function mostLikely(
  probabilities: Float64Array | undefined,
  n: number,
): { id: number; probability: number }[] {
  if (probabilities === undefined) return [];
  return Array.from(probabilities, (probability, id) => ({ id, probability }))
    .sort((a, b) => b.probability - a.probability || a.id - b.id)
    .slice(0, n);
}
