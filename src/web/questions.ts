// What the page can ask of a run while it trains or waits. A question changes nothing: neither the parameters nor the
// stream of random numbers that the samples will draw. A new one takes three places: its form and its answer here, the
// function that answers it in worker/answers.ts, and the view that asks (state/ask.ts).

import * as v from 'valibot';
import type { Picture, Projection } from './picture.ts';

const WHOLE = v.pipe(v.number(), v.integer(), v.minValue(0));

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
  v.object({ name: v.literal('slope'), index: WHOLE }),
  /** What happens inside the model over `text`: a `whole` document, or the beginning of one? */
  v.object({ name: v.literal('inside'), text: v.string(), whole: v.boolean() }),
  /** What do wte, wpe, lm_head and the matrices of a layer look like? */
  v.object({ name: v.literal('matrices'), show: v.picklist(['value', 'gradient', 'change']), layer: WHOLE }),
  /** Where are the tokens and positions? */
  v.object({ name: v.literal('embeddings') }),
  /**
   * What becomes of one token of a document in a step of training? Without `document`, of the next step's first one;
   * without `index`, with the parameter of the token's row of wte that has the largest gradient.
   */
  v.object({
    name: v.literal('walk'),
    position: WHOLE,
    layer: WHOLE,
    head: WHOLE,
    document: v.optional(WHOLE),
    index: v.optional(WHOLE),
  }),
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

/** Tokens that are looked at: more are too small to see. */
export const INSIDE_TOKENS = 48;
/** Parameters × tokens up to which the page asks again and again; larger models are looked into on a press. */
export const LIVE_WORK = 4e6;

/** n tokens, BOS first; shapes as in src/model/inside.ts. */
export interface InsideAnswer {
  readonly step: number;
  readonly tokens: readonly number[];
  /** The token after the last one, where there is one. */
  readonly next: number | undefined;
  /** Characters of the text after `tokens`: more than the model or the views can take. */
  readonly left: number;
  /** (n, V). */
  readonly probabilities: Float64Array;
  /** Nats (n), NaN where nothing comes next. */
  readonly losses: Float64Array;
  /** √(mean x²) of each token (n) through the residual stream. */
  readonly stages: readonly { readonly name: string; readonly rms: Float64Array }[];
  /** Attention (H, n, n) and the hidden units of the MLP (n, 4C) of each layer. */
  readonly layers: readonly { readonly attention: Float64Array; readonly hidden: Float64Array }[];
}

export type Shown = QuestionOf<'matrices'>['show'];

export interface MatricesAnswer {
  readonly step: number;
  readonly matrices: readonly {
    readonly name: string;
    readonly shape: readonly [number, number];
    readonly picture: Picture;
    /** √(Σ x²) of the values, of the gradient of the next step, and of the change that the last step made. */
    readonly norms: Readonly<Record<Shown, number>>;
  }[];
}

export interface EmbeddingsAnswer {
  readonly step: number;
  readonly wte: Picture;
  readonly wpe: Picture;
  /** Of wte's rows. */
  readonly projection: Projection;
  /** Pairs of tokens whose rows point the same way, the closest first, with the cosine between them. */
  readonly closest: readonly { readonly pair: readonly [number, number]; readonly cosine: number }[];
}

/** One token on its way through a step of training. C channels, D of a head; r is the token's position. */
export interface WalkAnswer {
  readonly step: number;
  /** Number of the document, and its tokens with BOS on both sides, as many as the model can see and one more. */
  readonly document: number;
  readonly tokens: readonly number[];
  readonly position: number;
  readonly layer: number;
  readonly head: number;
  /** wte[token], wpe[position], and what the first layer gets of their sum (C). */
  readonly tokenEmbedding: Float64Array;
  readonly positionEmbedding: Float64Array;
  readonly embedded: Float64Array;
  /** Of the head: the token's query (D), and the keys so far (r + 1, D). */
  readonly query: Float64Array;
  readonly keys: Float64Array;
  /** (r + 1). */
  readonly attentionLogits: Float64Array;
  readonly attentionWeights: Float64Array;
  /** The residual stream before the layer, after its attention and after its MLP (C), and the MLP's hidden units (4C). */
  readonly before: Float64Array;
  readonly attended: Float64Array;
  readonly hidden: Float64Array;
  readonly fed: Float64Array;
  /** Of the last layer (V). */
  readonly logits: Float64Array;
  readonly probabilities: Float64Array;
  /** Of each position (n), in nats. */
  readonly losses: Float64Array;
  /** Gradient of the step's loss by the token's row of wte (C). */
  readonly gradient: Float64Array;
  /** One parameter, and what Adam does with it in this step. */
  readonly adam: {
    readonly index: number;
    readonly p: number;
    readonly grad: number;
    /** √(Σ g²) over all parameters, and `grad` as Adam takes it: shortened where that is longer than the clip. */
    readonly norm: number;
    readonly clipped: number;
    /** Before the step, and after it. */
    readonly m: readonly [number, number];
    readonly v: readonly [number, number];
    readonly mHat: number;
    readonly vHat: number;
    readonly rate: number;
    readonly after: number;
  };
}

export interface Answers {
  readonly inside: InsideAnswer;
  readonly matrices: MatricesAnswer;
  readonly embeddings: EmbeddingsAnswer;
  readonly walk: WalkAnswer;
  readonly next: NextAnswer;
  readonly write: WriteAnswer;
  readonly slope: SlopeAnswer;
}
