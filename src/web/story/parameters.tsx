// "Initialize the parameters": the matrices that hold all that the model knows.

import { parameterSpecs, countParameters } from '../../model/parameters.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING, type ModelConfig } from '../../config/config.ts';
import { count } from '../format.ts';
import { OptionFields, Settings } from '../parts/fields.tsx';
import { Lazy } from '../parts/lazy.tsx';
import { Figure, Figures, Maths, Section } from '../parts/section.tsx';
import { config, data } from '../state/run.ts';
import { fields, problem, readModel } from '../state/settings.ts';

/** What a parameter does. */
function roleOf(name: string): string | undefined {
  const own = name.replace(/^layer\d+\./, '');
  if (own.endsWith('.weight')) return 'what each number is multiplied by';
  return own.endsWith('.bias') ? 'added to each number' : ROLES[own];
}

/** What a matrix does, by the end of its name. */
const ROLES: Record<string, string> = {
  wte: 'what each token means',
  wpe: 'what each position means',
  lm_head: 'how well each token fits next',
  attn_wq: 'what a token looks for',
  attn_wk: 'what a token advertises',
  attn_wv: 'what a token hands over',
  attn_wo: 'how it is put back together',
  mlp_fc1: 'questions about what was gathered',
  mlp_fc2: 'what the answers add',
};

export function Parameters() {
  return (
    <Section
      id="parameters"
      title="Parameters"
      say={
        <>
          <p>
            Everything the model knows is in a few matrices. They begin as noise, small numbers from a normal
            distribution, drawn as CPython draws them: the same seed gives the same initial values in
            microgpt.py and in every engine here.
            {hasVectors() && ' Biases begin at 0, and norm weights at 1.'}
          </p>
          <Maths>
            <p>
              <var>W</var>
              <sub>ij</sub> ~ N(0, {config.value?.training.initScale ?? DEFAULT_TRAINING.initScale}²)
            </p>
            {isPlain() && (
              <p>
                # = (2<var>V</var> + <var>T</var>)·<var>C</var> + 12·<var>L</var>·<var>C</var>²
              </p>
            )}
          </Maths>
          <Settings legend="Model">
            <OptionFields kind="model" />
          </Settings>
        </>
      }
      below={<Lazy load={() => import('./parameters-matrices.tsx')} />}
    >
      <Matrices />
    </Section>
  );
}

/** Of the run, or of the settings while they make a model. */
export function modelNow(): ModelConfig | undefined {
  if (config.value !== undefined) return config.value.model;
  if (problem.value !== '' || data.value === undefined) return undefined;
  return { ...readModel(fields.value), vocabSize: data.value.chars.length + 1 };
}

/** Whether the model has the matrices of microgpt.py and no others. */
function isPlain(): boolean {
  return !hasVectors() && !(modelNow() ?? DEFAULT_MODEL).tie;
}

function hasVectors(): boolean {
  const { norm, bias } = modelNow() ?? DEFAULT_MODEL;
  return norm !== 'rmsnorm' || bias;
}

/** More rows say nothing new. */
const LAYERS_SHOWN = 2;

function Matrices() {
  const model = modelNow();
  if (model === undefined) return <p class="hint">These settings make no model.</p>;
  const shown = parameterSpecs({ ...model, nLayer: Math.min(model.nLayer, LAYERS_SHOWN) });
  const largest = Math.max(...shown.map(({ size }) => size));
  return (
    <>
      <Figures>
        <Figure name="num params">{count(countParameters(model))}</Figure>
      </Figures>
      <table class="matrices">
        <thead>
          <tr>
            <th scope="col">matrix</th>
            <th scope="col">shape</th>
            <th scope="col">numbers</th>
            <th scope="col" class="bars">
              <span class="hidden">share</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ name, shape, size }) => (
            <tr key={name}>
              <th scope="row">
                <code>{name}</code>
                <span class="role">{roleOf(name)}</span>
              </th>
              <td>{shape.join(' × ')}</td>
              <td>{count(size)}</td>
              <td class="bars">
                <span class="bar-of" style={{ width: `${(100 * size) / largest}%` }} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {model.nLayer > LAYERS_SHOWN && (
        <p class="hint">
          … and the same for layers {LAYERS_SHOWN} to {count(model.nLayer - 1)}.
        </p>
      )}
    </>
  );
}
