// What the parameters look like: matrices as pictures, and where the tokens lie.

import { parameterSpecs, type ParameterSpec } from '../../model/parameters.ts';
import { ConfigError } from '../../util/errors.ts';
import { norm, type FloatArray } from '../../util/arrays.ts';
import { lastChange, picture, principalComponents } from '../picture.ts';
import type { EmbeddingsAnswer, MatricesAnswer, QuestionOf } from '../questions.ts';
import type { LiveRun } from './live-run.ts';

export async function matrices(
  { engine, spec, step }: LiveRun,
  { show, layer }: QuestionOf<'matrices'>,
): Promise<MatricesAnswer> {
  const { model, training } = spec;
  if (layer >= model.nLayer) {
    throw new ConfigError(`layer ${layer}: expected a number below ${model.nLayer}.`);
  }
  const state = await engine.state();
  const { gradients } = await engine.gradients();
  const all = { value: state.parameters, gradient: gradients, change: lastChange(state, training) };
  const wanted = parameterSpecs(model).filter(({ name }) => ofLayer(name, layer));
  const matrix = ({ shape }: ParameterSpec) => [shape[0], shape[1] ?? 1] as const; // a vector stands upright
  return {
    step,
    matrices: wanted.map((of) => ({
      name: of.name,
      shape: matrix(of),
      picture: picture(part(all[show], of), ...matrix(of)),
      norms: {
        value: norm(part(all.value, of)),
        gradient: norm(part(all.gradient, of)),
        change: norm(part(all.change, of)),
      },
    })),
  };
}

/** Also those that belong to no layer. */
function ofLayer(name: string, layer: number): boolean {
  return !name.startsWith('layer') || name.startsWith(`layer${layer}.`);
}

function part(flat: FloatArray, { offset, size }: ParameterSpec): FloatArray {
  return flat.subarray(offset, offset + size);
}

/** Tokens that are compared with each other: the time grows with the square. */
const COMPARED = 200;
const PAIRS = 6;

export async function embeddings({ engine, spec, step }: LiveRun): Promise<EmbeddingsAnswer> {
  const [wte, wpe] = parameterSpecs(spec.model);
  const parameters = await engine.parameters();
  const tokens = part(parameters, wte);
  const [V, C] = wte.shape;
  return {
    step,
    wte: picture(tokens, V, C),
    wpe: picture(part(parameters, wpe), wpe.shape[0], C),
    projection: principalComponents(tokens, V, C),
    closest: closestPairs(tokens, Math.min(V, COMPARED), C),
  };
}

function closestPairs(rows: FloatArray, n: number, C: number): EmbeddingsAnswer['closest'] {
  const lengths = Float64Array.from({ length: n }, (_, i) => norm(rows.subarray(i * C, (i + 1) * C)));
  const pairs: { pair: [number, number]; cosine: number }[] = [];
  for (let a = 0; a < n; a++) {
    for (let b = a + 1; b < n; b++) {
      let dot = 0;
      for (let c = 0; c < C; c++) dot += rows[a * C + c] * rows[b * C + c];
      pairs.push({ pair: [a, b], cosine: dot / (lengths[a] * lengths[b]) });
    }
  }
  return pairs.sort((x, y) => y.cosine - x.cosine).slice(0, PAIRS);
}
