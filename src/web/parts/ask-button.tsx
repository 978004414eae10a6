// What stands above an answer: the button where a press is needed, and what went wrong.

import { count } from '../format.ts';
import type { QuestionName } from '../questions.ts';
import type { Asked } from '../state/ask-when-quick.ts';

export function AskButton<N extends QuestionName>({ asked }: { asked: Asked<N> }) {
  const { answer, error, press } = asked;
  return (
    <>
      {press !== undefined && (
        <p class="hint">
          <button type="button" onClick={press}>
            Look now
          </button>{' '}
          A model of this size is looked into on a press
          {answer === undefined ? '.' : `: this is step ${count(answer.step)}.`}
        </p>
      )}
      {error !== '' && <p class="hint">{error}</p>}
    </>
  );
}
