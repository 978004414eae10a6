// A tiny GPT-2 with random weights under Hugging Face's names, and what PyTorch makes of it in f64 (test/golden/gpt2-tiny): the
// loss of a text of block_size tokens, the first and last logits, and of each gradient its norm and first eight values.

import { readFileSync } from 'node:fs';
import type { EngineSpec } from '../../src/engine/engine.ts';
import { DEFAULT_TRAINING } from '../../src/config/config.ts';
import { countParameters, parameterSpecs } from '../../src/model/parameters.ts';
import { decodeSafetensors } from '../../src/train/safetensors.ts';

interface Golden {
  readonly tokens: readonly number[];
  readonly logits_first: readonly number[];
  readonly logits_last: readonly number[];
  readonly loss: number;
  readonly gradients: Readonly<Record<string, { readonly norm: number; readonly first: readonly number[] }>>;
}

interface HuggingFaceConfig {
  readonly n_layer: number;
  readonly n_embd: number;
  readonly n_head: number;
  readonly n_positions: number;
  readonly vocab_size: number;
}

function read(file: string): Buffer {
  return readFileSync(new URL(`../golden/gpt2-tiny/${file}`, import.meta.url));
}

function readJson<T>(file: string): T {
  return JSON.parse(read(file).toString()) as T;
}

export const golden = readJson<Golden>('golden.json');

/** Where a parameter is found in Hugging Face's file: the tensor, and from which of its columns on if it is one of several. */
function placeOf(name: string): { tensor: string; column: number } {
  const [, layer, part, kind = 'weight'] = /^(?:layer(\d+)\.)?(\w+?)(?:\.(weight|bias))?$/.exec(name)!;
  if (layer === undefined) return { tensor: `${part === 'final_norm' ? 'ln_f' : part}.${kind}`, column: 0 };
  const qkv = ['attn_wq', 'attn_wk', 'attn_wv'].indexOf(part);
  const others: Record<string, string> = {
    attn_wo: 'attn.c_proj',
    mlp_fc1: 'mlp.c_fc',
    mlp_fc2: 'mlp.c_proj',
    attn_norm: 'ln_1',
    mlp_norm: 'ln_2',
  };
  const place = qkv >= 0 ? 'attn.c_attn' : others[part];
  return { tensor: `h.${layer}.${place}.${kind}`, column: Math.max(0, qkv) };
}

/** Calls `visit` for each number of a parameter: where it is in the flat list, and in Hugging Face's tensor. */
function forEachNumber(spec: EngineSpec, visit: (flat: number, tensor: string, place: number) => void): void {
  const C = spec.model.nEmbd;
  for (const { name, shape, offset } of parameterSpecs(spec.model)) {
    const { tensor, column } = placeOf(name);
    const [out, inner] = shape.length === 1 ? [shape[0], 1] : shape;
    const inQkv = tensor.includes('c_attn');
    const upright = name === 'wte' || name === 'wpe'; // Hugging Face has its other matrices as [in, out]
    for (let o = 0; o < out; o++) {
      for (let i = 0; i < inner; i++) {
        const width = inQkv ? 3 * out : out;
        const place = upright ? o * C + i : i * width + column * C + o;
        visit(offset + o * inner + i, tensor, place);
      }
    }
  }
}

/** The model with its weights, and the text as the only document. */
export function gpt2Spec(): EngineSpec {
  const { n_layer, n_embd, n_head, n_positions, vocab_size } = readJson<HuggingFaceConfig>('config.json');
  const model = {
    nLayer: n_layer,
    nEmbd: n_embd,
    nHead: n_head,
    blockSize: n_positions,
    vocabSize: vocab_size,
    activation: 'gelu',
    norm: 'layernorm',
    bias: true,
    tie: true,
  } as const;
  const { tokens } = golden;
  const documents = {
    count: 1,
    offsets: Uint32Array.of(0, tokens.length),
    tokens: Uint32Array.from(tokens),
  };
  const parameters = new Float64Array(countParameters(model));
  const spec = { model, training: { ...DEFAULT_TRAINING, steps: 5 }, documents, parameters };
  const { tensors } = decodeSafetensors(read('model.safetensors'), 'model.safetensors');
  forEachNumber(spec, (flat, tensor, place) => {
    parameters[flat] = tensors.get(`transformer.${tensor}`)!.data[place];
  });
  return spec;
}

/** A flat list of gradients as Hugging Face's tensors. */
export function asHuggingFace(spec: EngineSpec, flat: ArrayLike<number>): Map<string, number[]> {
  const tensors = new Map<string, number[]>();
  forEachNumber(spec, (from, tensor, place) => {
    let values = tensors.get(tensor);
    if (values === undefined) tensors.set(tensor, (values = []));
    values[place] = flat[from];
  });
  return tensors;
}
