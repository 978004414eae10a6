// What the rooms have in common.

import type { ComponentChildren } from 'preact';
import type { AdapterInfo } from '../../engine/engine.ts';
import { adapterName } from '../../webgpu/adapter.ts';

export function Intro({ children }: { children: ComponentChildren }) {
  return <div class="intro">{children}</div>;
}

interface PickProps<Value extends string> {
  /** Of the group, unlike all others in the page. */
  readonly name: string;
  readonly legend: string;
  readonly options: Readonly<Record<Value, string>>;
  readonly value: Value;
  readonly disabled?: boolean;
  onPick(value: Value): void;
}

export function PickOne<Value extends string>(props: PickProps<Value>) {
  const { name, legend, options, value, disabled = false, onPick } = props;
  return (
    <fieldset class="pick" disabled={disabled}>
      <legend>{legend}</legend>
      {(Object.entries(options) as [Value, string][]).map(([own, text]) => (
        <label key={own} class="choice">
          <input type="radio" name={name} checked={own === value} onChange={() => onPick(own)} />
          {text}
        </label>
      ))}
    </fieldset>
  );
}

interface JobProps {
  readonly running: boolean;
  /** What the button says. */
  readonly start: string;
  readonly done: number;
  /** 0 where it is not known. */
  readonly total: number;
  readonly disabled?: boolean;
  /** Where it is. */
  readonly children?: ComponentChildren;
  onStart(): void;
  onStop(): void;
}

/** Start or stop, and how far it is. */
export function JobBar(props: JobProps) {
  const { running, start, done, total, disabled = false, children, onStart, onStop } = props;
  return (
    <div class="job">
      <button
        type="button"
        class={running ? undefined : 'primary'}
        aria-disabled={disabled}
        onClick={() => !disabled && (running ? onStop() : onStart())}
      >
        {running ? 'Stop' : start}
      </button>
      {running && (
        <>
          <progress max={total || 1} value={total === 0 ? 0 : done} aria-label="Done" />
          <span class="where">{children}</span>
        </>
      )}
    </div>
  );
}

export function SoftwareNotice({ adapter }: { adapter: AdapterInfo }) {
  return (
    <p class="notice">
      This browser’s WebGPU adapter is {adapterName(adapter)}. The numbers count; the speed says nothing about
      GPUs.
    </p>
  );
}

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly disabled?: boolean;
  readonly wide?: boolean;
  readonly invalid?: boolean;
  onInput(value: string): void;
}

export function TextField({ name, label, value, disabled, wide, invalid, onInput }: FieldProps) {
  return (
    <label class={wide === true ? 'text wide' : 'text'}>
      {label}
      <input
        type="text"
        name={name}
        autocomplete="off"
        spellcheck={false}
        value={value}
        disabled={disabled ?? false}
        aria-invalid={invalid === true ? 'true' : undefined}
        onInput={({ currentTarget }) => onInput(currentTarget.value)}
      />
    </label>
  );
}

/** Has the browser save `data` under this name. */
export function download(name: string, type: string, data: string): void {
  const url = URL.createObjectURL(new Blob([data], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
