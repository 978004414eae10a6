// "Check my GPU": the checks so far and what they say. It goes on while the reader is elsewhere in the page.

import { batch, computed, signal } from '@preact/signals';
import { adapterName } from '../../webgpu/adapter.ts';
import type { Check } from '../../verify/check.ts';
import type { RoomMessage, VerifyingMessage, VerifyJob } from './messages.ts';
import { openRoomWorker, type RoomWorker } from './worker.ts';

export type VerifyPhase = 'ready' | 'checking' | 'stopped' | 'done' | 'failed';

export const phase = signal<VerifyPhase>('ready');
export const thorough = signal(false);
export const onlyCpu = signal(false);
/** What is checked; undefined before the first time. */
export const subject = signal<VerifyingMessage | undefined>(undefined);
export const checks = signal<readonly Check[]>([]);
export const error = signal('');

export const failures = computed(() => checks.value.filter(({ passed }) => !passed));

export interface Group {
  /** `webgpu kernels`, `gradients`. */
  readonly name: string;
  readonly checks: readonly Check[];
  /** The one that comes nearest to its bar; a failed one where there is any. */
  readonly worst: Check;
}

/** In the order in which they were checked. */
export const groups = computed((): Group[] => {
  const byName = new Map<string, Check[]>();
  for (const check of checks.value) {
    const name = groupName(check);
    byName.set(name, [...(byName.get(name) ?? []), check]);
  }
  return [...byName].map(([name, own]) => {
    const worst = own.reduce((a, b) => (shareOfBar(b) > shareOfBar(a) ? b : a));
    return { name, checks: own, worst };
  });
});

/** 1 at the bar; Infinity where there is no number. */
export function shareOfBar({ error: found, bar }: Check): number {
  const share = found / bar;
  return Number.isNaN(share) ? Infinity : share;
}

/** Checks of models are one group for each engine: `webgpu graph`. */
function groupName({ group, name }: Check): string {
  const engine = /^(.+?): /.exec(name)?.[1];
  return engine === undefined ? group : `models on ${engine}`;
}

let worker: RoomWorker | undefined;

/** Loads the worker, so that a press finds it there. */
export function prepare(): void {
  worker ??= openRoomWorker(receive);
}

export function start(): void {
  prepare();
  batch(() => {
    phase.value = 'checking';
    subject.value = undefined;
    checks.value = [];
    error.value = '';
  });
  const engines: VerifyJob['engines'] = onlyCpu.value ? ['oracle', 'cpu'] : ['oracle', 'cpu', 'webgpu'];
  worker!.send({ type: 'verify', engines, thorough: thorough.value });
}

export function stop(): void {
  end('stopped');
}

function receive(message: RoomMessage): void {
  switch (message.type) {
    case 'verifying':
      subject.value = message;
      break;
    case 'check':
      checks.value = [...checks.value, message];
      break;
    case 'finished':
      end('done');
      break;
    case 'error':
      error.value = message.message;
      end('failed');
      break;
    default:
  }
}

function end(now: VerifyPhase): void {
  worker?.end();
  worker = undefined;
  phase.value = now;
}

/** Where it was checked: the adapter's name, or that there was none. */
export function where({ adapter }: VerifyingMessage): string {
  return adapter === null ? 'this machine’s CPU' : adapterName(adapter);
}

/** All of it as text, to send to somebody. */
export function asText(): string {
  const lines = checks.value.map(({ group, name, compared, error: found, bar, passed, detail }) =>
    [passed ? 'ok  ' : 'FAIL', group, name, compared, exponent(found), `≤ ${exponent(bar)}`, detail].join(
      '  ',
    ),
  );
  const on = subject.value === undefined ? '' : where(subject.value);
  return [`microGPT on WebGPU, checks on ${on}`, navigator.userAgent, '', ...lines, ''].join('\n');
}

/** `3.1e-7` */
export function exponent(x: number): string {
  if (Number.isNaN(x)) return 'not a number';
  return x === 0 ? '0' : x.toExponential(1).replace('.0e', 'e');
}
