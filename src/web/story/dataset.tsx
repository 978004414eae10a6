// "Let there be a Dataset": what the model reads.

import { TOY_TASKS, type ToyTask } from '../../data/toy-tasks.ts';
import { count, counted } from '../format.ts';
import type { DataMessage } from '../messages.ts';
import { Settings } from '../parts/fields.tsx';
import { Figure, Figures, Section } from '../parts/section.tsx';
import { CutText, useTextUse } from '../parts/text-use.tsx';
import { config, data, dataError, nextData, progress } from '../state/run.ts';
import { presetFields, presetOf, TOY_SOLVER } from '../state/presets.ts';
import {
  change,
  choosesOther,
  choosesOtherText,
  DATA_CHOICES,
  fields,
  file,
  shownFields,
  toyTask,
  type Fields,
} from '../state/settings.ts';

const LABELS: Record<Fields['data'], string> = {
  builtin: 'Names',
  reverse: 'Reverse',
  sort: 'Sort',
  add: 'Add',
  count: 'Count',
  palindrome: 'Palindromes',
  text: 'Own text',
  file: 'File',
};

export function Dataset() {
  const task = toyTask(fields.value);
  return (
    <Section
      id="dataset"
      title="Dataset"
      say={
        <>
          <p>
            Let there be documents. A document is a line of text: a name, a sum, a line of a poem. The model
            reads them in shuffled order, again from the first one after the last, and learns what usually
            follows what. Nothing else ever tells it what a name is.
          </p>
          <Settings legend="Dataset">
            <div class="choices" role="radiogroup" aria-label="What it reads">
              {DATA_CHOICES.map((choice) => (
                <label key={choice} class="choice">
                  <input
                    type="radio"
                    name="data"
                    value={choice}
                    checked={fields.value.data === choice}
                    onChange={() => change({ data: choice })}
                  />{' '}
                  {LABELS[choice]}
                </label>
              ))}
            </div>
            {task !== undefined && <Toy task={task} />}
            {fields.value.data === 'text' && <OwnText />}
            {fields.value.data === 'file' && <OwnFile />}
          </Settings>
          <p class="help">A text file can be dropped anywhere on this page. It stays on your machine.</p>
        </>
      }
    >
      <Documents />
    </Section>
  );
}

function Toy({ task }: { task: ToyTask }) {
  return (
    <div class="wide">
      <p class="help">
        {TOY_TASKS[task].description} The samples at the end are checked.{' '}
        {presetOf(fields.value) !== TOY_SOLVER && (
          <button
            type="button"
            class="quiet"
            onClick={() => {
              fields.value = { ...presetFields(TOY_SOLVER, fields.value), engine: fields.value.engine };
            }}
          >
            Use larger settings
          </button>
        )}
      </p>
    </div>
  );
}

function OwnText() {
  return (
    <div class="field wide">
      <label for="text">One document a line</label>
      <textarea
        id="text"
        rows={8}
        spellcheck={false}
        placeholder={'anna\nbob\n…'}
        value={fields.value.text}
        onInput={({ currentTarget }) => change({ text: currentTarget.value })}
      />
    </div>
  );
}

function OwnFile() {
  return (
    <div class="field wide">
      <label for="file">UTF-8 text, one document a line</label>
      <input
        type="file"
        id="file"
        accept="text/*,.txt,.csv,.md"
        onChange={({ currentTarget }) => {
          file.value = currentTarget.files?.[0];
        }}
      />
      {file.value !== undefined && <p class="help">{file.value.name}</p>}
    </div>
  );
}

function Documents() {
  // After a run other data may be chosen: what the next one will read.
  const other = choosesOther.value;
  const now = other ? nextData.value : data.value;
  if (dataError.value !== '') {
    return (
      <p class="error" role="alert">
        {dataError.value}
      </p>
    );
  }
  if (now === undefined) return <p class="hint">There is no text yet.</p>;
  if (now.documents.length === 0) {
    return (
      <p class="hint">The text of this run, {counted(now.count, 'document')}, is not in this browser.</p>
    );
  }
  return <Shown now={now} other={other} />;
}

function Shown({ now, other }: { now: DataMessage; other: boolean }) {
  const current = other ? undefined : progress.value?.document;
  const blockSize = (other ? undefined : config.value?.model.blockSize) ?? Number(fields.value.block_size);
  const use = useTextUse(now, blockSize);
  const { seed } = other ? fields.value : shownFields.value;
  return (
    <>
      {other && (
        <p class="hint">
          {choosesOtherText.value
            ? 'Not read by the run in view: this is the text of the next run.'
            : 'The run in view read this text in another order: this is the order of the next run.'}
        </p>
      )}
      <Figures>
        <Figure name="num docs">{count(now.count)}</Figure>
        <Figure name="longest">{counted(use.longest - 1, 'character')}</Figure>
        <Figure name="in this step">{current === undefined ? '–' : shorten(current)}</Figure>
      </Figures>
      <CutText use={use} blockSize={blockSize} />
      <ul class="documents" aria-label="The first documents, in training order">
        {now.documents.map((document, i) => (
          <li key={i} class={document === current ? 'current' : undefined}>
            {shorten(document)}
          </li>
        ))}
      </ul>
      <p class="hint">
        {now.count > now.documents.length
          ? `The first ${now.documents.length} of ${count(now.count)}, as seed ${seed} shuffles them.`
          : `All of them, as seed ${seed} shuffles them.`}
      </p>
    </>
  );
}

function shorten(document: string): string {
  const chars = [...document];
  return chars.length > 60 ? `${chars.slice(0, 60).join('')}…` : document;
}
