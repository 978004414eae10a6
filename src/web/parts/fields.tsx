// The fields of the settings, bound to the signal that holds them.

import type { ComponentChildren } from 'preact';
import { isRunning } from '../state/run.ts';
import { change, fields, problem, type Fields, type NumberField } from '../state/settings.ts';

interface NumberProps {
  readonly name: NumberField;
  readonly label: string;
  /** What it does, in a sentence. */
  readonly help: string;
}

/** A number, under microgpt.py's name. Marked where the problem of the settings names it. */
export function NumberInput({ name, label, help }: NumberProps) {
  const wrong = new RegExp(`\\b${name}\\b`).test(problem.value);
  return (
    <div class="field">
      <label for={name}>
        {label} <code>{name}</code>
      </label>
      <input
        id={name}
        name={name}
        type="text"
        inputMode="decimal"
        autocomplete="off"
        spellcheck={false}
        value={fields.value[name]}
        aria-invalid={wrong ? 'true' : undefined}
        aria-describedby={`${name}-help`}
        onInput={({ currentTarget }) => change({ [name]: currentTarget.value })}
      />
      <p id={`${name}-help`} class="help">
        {help}
      </p>
    </div>
  );
}

interface ChoiceProps<N extends 'engine' | 'launch'> {
  readonly name: N;
  readonly label: string;
  readonly help: ComponentChildren;
  readonly options: Readonly<Record<Fields[N], string>>;
  readonly disabled?: boolean;
}

export function Choice<N extends 'engine' | 'launch'>(props: ChoiceProps<N>) {
  const { name, label, help, options, disabled = false } = props;
  return (
    <div class="field">
      <label for={name}>
        {label} <code>{name}</code>
      </label>
      <select
        id={name}
        name={name}
        value={fields.value[name]}
        disabled={disabled}
        aria-describedby={`${name}-help`}
        onChange={({ currentTarget }) => change({ [name]: currentTarget.value })}
      >
        {Object.entries<string>(options).map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <p id={`${name}-help`} class="help">
        {help}
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
