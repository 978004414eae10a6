// "Let there be Autograd": the derivative of the loss by every parameter, checked by hand for one of them.

import { useSignal } from '@preact/signals';
import { DEFAULT_MODEL } from '../../config/config.ts';
import { parameterSpecs, placeIn, type ParameterSpec } from '../../model/parameters.ts';
import { Curve } from '../parts/curve.tsx';
import { Figure, Figures, Maths, Section } from '../parts/section.tsx';
import { useLiveAnswer } from '../state/ask.ts';
import { config } from '../state/run.ts';
import { modelNow } from './parameters.tsx';

export function Autograd() {
  return (
    <Section
      id="autograd"
      title="Autograd"
      say={
        <>
          <p>
            How should a parameter change, so that the loss falls? The loss is one long expression of sums,
            products, powers, exponentials, logarithms and {activation()}. The derivative of each is known,
            and the chain rule multiplies them along every path back from the loss. One pass backwards gives
            the derivative by every parameter.
          </p>
          <Maths>
            <p>
              ∂<var>L</var>/∂<var>a</var> = Σ<sub>b uses a</sub> ∂<var>L</var>/∂<var>b</var> · ∂<var>b</var>/∂
              <var>a</var>
            </p>
            <p>
              <span>
                (<var>a</var>·<var>b</var>)′ → <var>b</var>, <var>a</var>
              </span>{' '}
              <span>
                (ln <var>a</var>)′ → 1/<var>a</var>
              </span>{' '}
              {activation() === 'relu' && (
                <span>
                  relu(<var>a</var>)′ → 0 or 1
                </span>
              )}
            </p>
          </Maths>
          <p>
            Check it: change one parameter a little, leave the others as they are, and see what the loss of
            the next document does. The dashed line has the slope that <code>backward()</code> found.
          </p>
        </>
      }
    >
      <Slope />
    </Section>
  );
}

function activation(): string {
  return (modelNow() ?? DEFAULT_MODEL).activation;
}

function Slope() {
  const matrix = useSignal(0);
  const index = useSignal(0);
  const model = config.value?.model;
  const specs = model === undefined ? [] : parameterSpecs(model);
  const spec = specs[matrix.value] ?? specs[0];
  const within = spec === undefined ? 0 : index.value % spec.size;
  const { answer, answered, error } = useLiveAnswer(
    spec === undefined ? undefined : { name: 'slope', index: spec.offset + within },
  );
  if (spec === undefined) return <p class="hint">Start a run, or do one step: this needs parameters.</p>;
  const got = answer.value;
  const element = parameterName(specs, answered.value?.index ?? 0);
  return (
    <>
      <div class="row">
        <label>
          Parameter{' '}
          <select
            value={specs[matrix.value] === undefined ? 0 : matrix.value}
            onChange={({ currentTarget }) => {
              matrix.value = Number(currentTarget.value);
            }}
          >
            {specs.map(({ name }, i) => (
              <option key={name} value={i}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <button
          type="button"
          onClick={() => {
            // Strides through the matrix, and meets every element before it comes back.
            index.value = (within + 37) % spec.size;
          }}
        >
          Another one
        </button>
      </div>
      {error.value !== '' && <p class="hint">{error.value}</p>}
      {got !== undefined && (
        <>
          <Curve
            label={`Loss over the value of ${element}`}
            x={Array.from(got.offsets, (offset) => got.value + offset)}
            y={got.losses}
            at={{ x: got.value, y: got.losses[(got.losses.length - 1) / 2], slope: got.gradient }}
          />
          <Figures>
            <Figure name={element}>{got.value.toFixed(4)}</Figure>
            <Figure name="grad by backward()">{signed(got.gradient)}</Figure>
            <Figure name="slope, measured">{signed(got.measured)}</Figure>
          </Figures>
        </>
      )}
    </>
  );
}

/** `layer0.attn_wq[3][7]` */
export function parameterName(specs: readonly ParameterSpec[], index: number): string {
  const { name, shape, offset } = specs.findLast((spec) => spec.offset <= index)!;
  return `${name}[${placeIn(shape, index - offset).join('][')}]`;
}

function signed(x: number): string {
  return `${x < 0 ? '−' : '+'}${Math.abs(x).toFixed(6)}`;
}
