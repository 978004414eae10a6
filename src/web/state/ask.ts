// A question that is asked again as the run goes on: its answer is always that of a moment ago.

import { batch, effect, signal, useSignal, type ReadonlySignal, type Signal } from '@preact/signals';
import { createContext } from 'preact';
import { useContext, useEffect, useRef } from 'preact/hooks';
import type { Answers, QuestionName, QuestionOf } from '../questions.ts';
import { isAsking, phase, progress } from './run.ts';
import { ask } from './trainer.ts';

/** Milliseconds between an answer and the next question while the run trains, and how many times as long as the answer took. */
const REST = 200;
const REST_SHARE = 4;

/** Whether what asks can be seen: questions that nobody looks at would only slow the training. */
export const InView = createContext<ReadonlySignal<boolean>>(signal(true));

export interface LiveAnswer<N extends QuestionName> {
  readonly answer: Signal<Answers[N] | undefined>;
  /** The question that `answer` answers: for a moment it is an earlier one. */
  readonly answered: Signal<QuestionOf<N> | undefined>;
  /** Why there is no answer, or ''. */
  readonly error: Signal<string>;
}

/**
 * The answer to `question`: asked when it changes, and again while the parameters do. `undefined` asks nothing. Never
 * more than one question is under way.
 */
export function useLiveAnswer<N extends QuestionName>(question: QuestionOf<N> | undefined): LiveAnswer<N> {
  const answer = useSignal<Answers[N] | undefined>(undefined);
  const answered = useSignal<QuestionOf<N> | undefined>(undefined);
  const error = useSignal('');
  const latest = useSignal(question);
  const inView = useContext(InView);
  const state = useRef({ busy: false, stale: false, timer: 0, alive: true }).current;
  if (JSON.stringify(latest.peek()) !== JSON.stringify(question)) latest.value = question;

  const show = (got: Answers[N] | undefined, of: QuestionOf<N> | undefined, why: string) =>
    batch(() => {
      answer.value = got;
      answered.value = of;
      error.value = why;
    });

  const askNow = async (): Promise<void> => {
    const now = latest.peek();
    state.stale = state.busy;
    if (state.busy || now === undefined) return;
    clearTimeout(state.timer);
    state.busy = true;
    const start = performance.now();
    try {
      const got = await ask<N>(now);
      if (state.alive) show(got, now, '');
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      if (state.alive && isAsking()) show(undefined, undefined, why);
    }
    const changed = latest.peek() !== now;
    const rest = changed ? 0 : Math.max(REST, REST_SHARE * (performance.now() - start));
    state.timer = window.setTimeout(() => {
      state.busy = false;
      if (state.alive && state.stale) void askNow();
    }, rest);
  };

  useEffect(() => {
    // Without a frame of its own, as useSignalEffect would have with every report.
    const stop = effect(() => {
      const asking = latest.value !== undefined && isAsking();
      void phase.value;
      void progress.value?.step; // the parameters change with it
      if (!asking) show(undefined, undefined, '');
      else if (inView.value) void askNow();
    });
    return () => {
      stop();
      state.alive = false;
      clearTimeout(state.timer);
    };
  }, []);
  return { answer, answered, error };
}
