// The fields of the settings, bound to the signal that holds them.

import type { ComponentChildren } from 'preact';
import { isRunning } from '../state/run.ts';
import type { OptionKind } from '../../config/options.ts';
import { change, choicesOf, fields, fieldsOf, problem, type FieldName } from '../state/settings.ts';

/** The fields of an option each, in the order of the table. `disabled` names those that have no effect now. */
export function OptionFields({ kind, disabled = [] }: { kind: OptionKind; disabled?: readonly FieldName[] }) {
  return fieldsOf(kind).map((option) => (
    <OptionField key={option.id} option={option} disabled={disabled.includes(option.id)} />
  ));
}

type Props = { readonly option: ReturnType<typeof fieldsOf>[number]; readonly disabled: boolean };

/** Under microgpt.py's name: a list of choices, or a text that is marked where the problem of the settings names it. */
function OptionField({ option, disabled }: Props) {
  const { id, field } = option;
  const choices = choicesOf(option);
  const common = { id, name: id, disabled, 'aria-describedby': `${id}-help` };
  const labels: Readonly<Record<string, string>> =
    option.type === 'choice' ? (option.field?.labels ?? {}) : { true: 'on', false: 'off' };
  return (
    <div class="field">
      <label for={id}>
        {field?.label} <code>{id}</code>
      </label>
      {choices === undefined ? (
        <input
          {...common}
          type="text"
          inputMode="decimal"
          autocomplete="off"
          spellcheck={false}
          value={fields.value[id]}
          aria-invalid={new RegExp(`\\b${id}\\b`).test(problem.value) ? 'true' : undefined}
          onInput={({ currentTarget }) => change({ [id]: currentTarget.value })}
        />
      ) : (
        <select
          {...common}
          value={fields.value[id]}
          onChange={({ currentTarget }) => change({ [id]: currentTarget.value })}
        >
          {choices.map((value) => (
            <option key={value} value={value}>
              {labels[value]}
            </option>
          ))}
        </select>
      )}
      <p id={`${id}-help`} class="help">
        {field?.hint}
      </p>
    </div>
  );
}

export const LOCKED = 'A run keeps its settings. Press Reset to change them.';

/** Settings of a run: locked while there is one. Enter begins it. */
export function Settings({ legend, children }: { legend: string; children: ComponentChildren }) {
  const locked = isRunning();
  return (
    <form
      class="settings"
      aria-label={legend}
      autocomplete="off"
      onSubmit={(event) => {
        event.preventDefault();
        document.querySelector<HTMLButtonElement>('#main')?.focus(); // the field is locked in a moment
        document.querySelector<HTMLButtonElement>('#main')?.click();
      }}
    >
      <fieldset disabled={locked}>
        <legend>{legend}</legend>
        <div class="grid">{children}</div>
        <button type="submit" hidden />
      </fieldset>
      {locked && <p class="help">{LOCKED}</p>}
    </form>
  );
}
