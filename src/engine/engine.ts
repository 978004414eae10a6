// What every engine can do. The oracle, the CPU and the WebGPU engine implement this interface,
// start from the same parameters and the same order of documents, and so give comparable numbers.
//
// An engine has N ≥ 1 models of one shape that train side by side on the same documents: 1 for a run, more for a sweep. What it takes
// and gives for each model lies one model after the other in one array: losses (N, k), parameters (N, P). With N = 1 that is the
// array of the model.

import type { TrainingConfig, Values } from '../config/config.ts';
import type { Model } from '../model/architecture.ts';
import type { TokenizedDocuments } from '../data/tokenizer.ts';
import type { FloatArray } from '../util/arrays.ts';

export type EngineName = Exclude<Values<'engine'>['engine'], 'auto'>;
export type LaunchStrategy = Exclude<Values<'launch'>['launch'], 'auto'>;
export type { FloatArray };

/** What each model has of its own. */
export interface Member {
  /** Batch size, steps and clip are the same for all models of an engine. */
  readonly training: TrainingConfig;
  /** Initial parameters (P), in microgpt.py's order (`parameterSpecs`). */
  readonly parameters: FloatArray;
  /** The order in which it takes the documents: `orderLength` of them, or more. As they come unless given. */
  readonly order?: Uint32Array | undefined;
}

/** What an engine is made from: a model, and those that train beside it. */
export interface EngineSpec extends Member {
  readonly model: Model;
  readonly documents: TokenizedDocuments;
  /** The other N − 1 models; none unless given. Each gets the bits that it would get alone. */
  readonly others?: readonly Member[] | undefined;
}

/** Everything that training changes. Arrays are (N, P), each model's in microgpt.py's order. */
export interface TrainingState {
  /** Steps done so far. */
  readonly step: number;
  readonly parameters: FloatArray;
  /** First moment of Adam. */
  readonly m: FloatArray;
  /** Second moment of Adam. */
  readonly v: FloatArray;
}

export interface EngineInfo {
  readonly engine: EngineName;
  /** One line for a person: `webgpu (graph) on NVIDIA H200`. */
  readonly description: string;
  /** Arithmetic of activations, gradients and moments. */
  readonly precision: 'f32' | 'f64';
  /** What else its last bits depend on: the build of the CPU kernels, or the runtime whose Math or shader compiler it uses. */
  readonly build: string;
  readonly launch?: LaunchStrategy;
  readonly adapter?: AdapterInfo;
}

export interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** True where a CPU emulates the GPU (SwiftShader, llvmpipe, WARP): never a GPU result. */
  readonly software: boolean;
}

/** Documents to draw with a model as it is. */
export interface GenerateRequest {
  /** What every document begins with: BOS and a prompt, at most T tokens. */
  readonly prefix: readonly number[];
  readonly count: number;
  /** Most characters of a document, the prompt's included; more than the prompt has, at most T. */
  readonly longest: number;
  /** The token that ends a document. */
  readonly end: number;
  /** Of tokenWeights in src/train/sampler.ts. */
  readonly temperature: number;
  readonly topK: number;
  /** Numbers in [0, 1), one for each token in the order they are drawn: count · (longest − prompt) of them are enough. */
  readonly uniforms: Float64Array;
  /** The token that `uniform` draws by `logits` (V). An engine may find it itself where the result is beyond doubt. */
  choose(logits: FloatArray, uniform: number): number;
}

/** Calls that come while another one is under way wait for it. */
export interface Engine {
  readonly info: EngineInfo;

  /** N: how many models it has. */
  readonly size: number;

  /**
   * Milliseconds that `advance` takes beyond the work of its steps, however many, as far as that is known: the wait for a device's
   * answer, during which the event loop runs. Absent where the work is done here. Callers ask for so many steps that the wait
   * does not matter.
   */
  readonly latency?: number | undefined;

  /**
   * Runs the next `k` training steps of every model and gives their losses (N, k), in nats per token: the mean over documents
   * of the mean over each document's tokens. Step s (from 0) uses the documents
   * s·B … s·B+B−1 of a model's order, modulo its length. Steps beyond `training.steps` are a ConfigError. The KV cache is emptied:
   * its keys and values are those of the parameters before.
   */
  advance(k: number): Promise<Float64Array>;

  /**
   * Losses (N) and gradients (N, P) of the step that would come next, at the present parameters. A gradient is that of the loss:
   * `training.clip` does not shorten it.
   * Trains nothing: `advance` goes on as if it had not been called.
   */
  gradients(): Promise<{ readonly losses: Float64Array; readonly gradients: FloatArray }>;

  /**
   * The losses (N, count) of `documents` at the present parameters, in nats per token: of each the mean over its predicted tokens,
   * of which there are at most block_size. Trains nothing: `advance` and `decode` go on as if it had not been called.
   * Throws ConfigError where the documents do not fit the vocabulary.
   */
  evaluate(documents: TokenizedDocuments): Promise<Float64Array>;

  /** A copy of the present parameters (N, P). */
  parameters(): Promise<FloatArray>;

  /** A copy of everything `load` needs to go on from here. */
  state(): Promise<TrainingState>;

  /** Replaces parameters, moments and step. The KV cache is emptied. */
  load(state: TrainingState): Promise<void>;

  /**
   * Empties the KV cache, feeds `tokens` (at least one, at most block_size) at positions 0 … and
   * gives the logits (N, V) after the last one.
   */
  prefill(tokens: readonly number[]): Promise<FloatArray>;

  /** Feeds one token at the next position and gives its logits (N, V). One position's work. */
  decode(token: number): Promise<FloatArray>;

  /**
   * Draws documents one after the other, as prefill, `choose` and decode would, and gives the new characters of each. For
   * engines of one model that are faster at it in one go. The KV cache is emptied.
   */
  generate?(request: GenerateRequest): Promise<number[][]>;

  /** Frees device memory. The engine cannot be used afterwards; a second call does nothing. */
  dispose(): void;
}
