// The end of the walk: from the loss to parameters that are a little better.

import { parameterSpecs } from '../../model/parameters.ts';
import { brief, count, lossText, signed } from '../format.ts';
import { config, phase, progress } from '../state/run.ts';
import { parameterName } from '../story/autograd.tsx';
import { tokenName } from '../story/token-names.ts';
import { Line, Strip, type StationProps } from './walk-parts.tsx';

function nameOf(index: number): string {
  return config.value === undefined ? 'p' : parameterName(parameterSpecs(config.value.model), index);
}

function sixDigits(x: number): string {
  return `${x < 0 ? '−' : ''}${Math.abs(x).toFixed(6)}`;
}

export function Backward({ now }: StationProps) {
  const { tokens, position, gradient, adam } = now;
  const batch = config.value?.training.batchSize ?? 1;
  return (
    <>
      <p>
        Back the same way: each operation passes on how much the loss would change if its inputs did. In the
        end every parameter knows its <code>grad</code>. Here are those of the row of <code>wte</code> that
        stands for {tokenName(tokens[position])}: each use of the token in the step has added to them.
      </p>
      <Strip name="grad" values={gradient} />
      <p>Let us follow the parameter of this row with the largest one.</p>
      <Line name="p">{nameOf(adam.index)}</Line>
      <Line name="p.data">{signed(adam.p)}</Line>
      <Line name="p.grad">
        <span data-grad={adam.grad}>{signed(adam.grad)}</span>:{' '}
        {adam.grad === 0
          ? 'it does not matter here'
          : `the loss falls if it ${adam.grad > 0 ? 'sinks' : 'grows'}`}
      </Line>
      {batch > 1 && (
        <p class="hint">
          The loss of this step is the mean over {count(batch)} documents: so is its gradient.
        </p>
      )}
    </>
  );
}

export function Adam({ now: { adam, step } }: StationProps) {
  if (config.value === undefined) return null;
  const { clip, beta1, beta2, learningRate, steps } = config.value.training;
  const { grad, norm, clipped, m, v, mHat, vHat, rate, p, after } = adam;
  return (
    <>
      <p>
        Adam does not trust a single step. <code>m</code> remembers where the gradient has been pointing,{' '}
        <code>v</code> how large it usually is; both began at 0, and <code>m_hat</code> and <code>v_hat</code>{' '}
        make up for that. Their quotient is near ±1 where the direction is clear, near 0 where it wavers.
      </p>
      {clip > 0 && (
        <Line name="clip">
          the norm of all gradients is {brief(norm)},{' '}
          {norm > clip ? (
            <>
              more than {clip}: {signed(grad)} · {clip} / {brief(norm)} = {signed(clipped)}
            </>
          ) : (
            `at most ${clip}: they stay as they are`
          )}
        </Line>
      )}
      <Line name="m">
        {beta1} · {signed(m[0])} + {Number((1 - beta1).toPrecision(6))} · {signed(clipped)} = {signed(m[1])}
      </Line>
      <Line name="v">
        {beta2} · {signed(v[0])} + {Number((1 - beta2).toPrecision(6))} · {signed(clipped)}² = {signed(v[1])}
      </Line>
      <Line name="m_hat">
        m / (1 − {beta1}
        <sup>{count(step + 1)}</sup>) = {signed(mHat)}
      </Line>
      <Line name="v_hat">
        v / (1 − {beta2}
        <sup>{count(step + 1)}</sup>) = {signed(vHat)}
      </Line>
      <Line name="lr_t">
        {learningRate} · (1 − {count(step)} / {count(steps)}) = {Number(rate.toPrecision(4))}
      </Line>
      <Line name="p.data">
        {sixDigits(p)} − lr_t · m_hat / (√v_hat + ε) = <span data-after={after}>{sixDigits(after)}</span>
      </Line>
    </>
  );
}

export function TakeIt({ now, after, take }: StationProps) {
  const steps = config.value?.training.steps ?? 0;
  const mean = (losses: Float64Array) => losses.reduce((a, b) => a + b) / losses.length;
  const fresh = (progress.value?.step ?? 0) === now.step;
  return (
    <>
      <p>
        All {count(config.value?.parameters ?? 0)} parameters move like this at once. That is a step; the rest
        of the training is doing it again.
      </p>
      {after === undefined &&
        (now.step >= steps ? (
          <p class="hint">The run has made all of its steps. Reset it to take one by hand.</p>
        ) : phase.value !== 'paused' ? (
          <p class="hint">Pause the run to take the step by hand.</p>
        ) : fresh ? (
          <button type="button" onClick={take}>
            Take this step
          </button>
        ) : (
          <p class="hint">The model has moved on: take it as it is now.</p>
        ))}
      {after !== undefined && (
        <>
          <Line name={nameOf(now.adam.index)}>
            {sixDigits(now.adam.p)} → <b data-became={after.adam.p}>{sixDigits(after.adam.p)}</b>, as Adam
            said: {sixDigits(now.adam.after)}
          </Line>
          <Line name="loss of doc">
            {lossText(mean(now.losses))} → <b>{lossText(mean(after.losses))}</b>
          </Line>
          <p class="hint">
            {mean(after.losses) < mean(now.losses)
              ? 'The document is a little less surprising than it was.'
              : 'The document is no less surprising: m carries what earlier documents asked for, or the step was too long.'}
          </p>
        </>
      )}
    </>
  );
}
