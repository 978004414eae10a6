// A question that a small model answers again and again, and a large one when it is pressed for it.

import { useSignal, useSignalEffect } from '@preact/signals';
import { countParameters } from '../../model/parameters.ts';
import { INSIDE_TOKENS, LIVE_WORK, type Answers, type QuestionName, type QuestionOf } from '../questions.ts';
import { useLiveAnswer } from './ask.ts';
import { config, isAsking } from './run.ts';
import { ask } from './trainer.ts';

/** Whether the model of the run is small enough to be looked into while it trains. */
export function isQuick(): boolean {
  if (config.value === undefined) return false;
  const { model, training } = config.value;
  const tokens = Math.min(model.blockSize, INSIDE_TOKENS) * training.batchSize;
  return countParameters(model) * tokens <= LIVE_WORK;
}

export interface Asked<N extends QuestionName> {
  readonly answer: Answers[N] | undefined;
  readonly answered: QuestionOf<N> | undefined;
  readonly error: string;
  /** Asks now; undefined where that happens by itself. */
  readonly press: (() => void) | undefined;
}

export function useAnswer<N extends QuestionName>(question: QuestionOf<N> | undefined): Asked<N> {
  const quick = isQuick();
  const live = useLiveAnswer<N>(quick ? question : undefined);
  const pressed = useSignal<Omit<Asked<N>, 'press'> | undefined>(undefined);
  useSignalEffect(() => {
    if (!isAsking()) pressed.value = undefined; // its run was forgotten
  });
  if (quick || question === undefined || !isAsking()) {
    return {
      answer: live.answer.value,
      answered: live.answered.value,
      error: live.error.value,
      press: undefined,
    };
  }
  const press = () => {
    ask<N>(question).then(
      (answer) => {
        pressed.value = { answer, answered: question, error: '' };
      },
      (error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        pressed.value = { answer: undefined, answered: undefined, error: why };
      },
    );
  };
  return { ...(pressed.value ?? { answer: undefined, answered: undefined, error: '' }), press };
}
