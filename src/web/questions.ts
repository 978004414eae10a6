// What the page can ask of a run while it trains or waits. A question changes nothing: neither the parameters nor the
// stream of random numbers that the samples will draw. A new one takes three places: its form and its answer here, the
// function that answers it in worker/answers.ts, and the view that asks (state/ask.ts).

import * as v from 'valibot';

export const QUESTION = v.variant('name', [
  /** What comes after `prefix`? */
  v.object({ name: v.literal('next'), prefix: v.string(), temperature: v.number() }),
  /** Documents that begin with `prefix`, drawn with a stream of their own. */
  v.object({
    name: v.literal('write'),
    prefix: v.string(),
    temperature: v.number(),
    count: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100)),
    seed: v.number(),
  }),
  /** How does the loss change when one parameter does? */
  v.object({ name: v.literal('slope'), index: v.pipe(v.number(), v.integer(), v.minValue(0)) }),
]);

export type Question = v.InferOutput<typeof QUESTION>;
export type QuestionName = Question['name'];
export type QuestionOf<N extends QuestionName> = Extract<Question, { name: N }>;

export interface NextAnswer {
  /** Steps done when it was answered. */
  readonly step: number;
  /** (V), by token id, BOS last: what `sample` draws from. */
  readonly probabilities: Float64Array;
}

export interface WriteAnswer {
  readonly step: number;
  readonly texts: readonly string[];
}

/** One parameter, and the loss of the next step's first document as a function of it, in f64. */
export interface SlopeAnswer {
  readonly step: number;
  readonly value: number;
  /** By backward(): microgpt.py's p.grad. */
  readonly gradient: number;
  /** (loss(value + h) - loss(value - h)) / 2h for a small h. */
  readonly measured: number;
  /** The losses at `offsets` from the value. */
  readonly offsets: Float64Array;
  readonly losses: Float64Array;
}

export interface Answers {
  readonly next: NextAnswer;
  readonly write: WriteAnswer;
  readonly slope: SlopeAnswer;
}
