// "Let there be Adam" and "Repeat in sequence": the training loop.

import { count, counted, duration, lossText, perplexity, rate } from '../format.ts';
import { OptionFields, Settings } from '../parts/fields.tsx';
import { LossChart } from '../parts/loss-chart.tsx';
import { Figure, Figures, Maths, Section } from '../parts/section.tsx';
import { config, kept, phase, progress, total } from '../state/run.ts';
import { fields, shownFields, usesGpu } from '../state/settings.ts';

const NONE = '–';

export function Training() {
  return (
    <Section
      id="training"
      title="Adam and the training loop"
      say={
        <>
          <p>
            Take a document, have the model predict every next token, and see how surprised it is by the right
            one: that is the loss. Then move every parameter a little downhill. Adam remembers where each
            gradient has been pointing (<var>m</var>) and how large it usually is (<var>v</var>), and chooses
            its steps by both.
          </p>
          <Maths>
            <p>
              <var>L</var> = −mean ln <var>p</var>(next token)
            </p>
            {Number(shownFields.value.clip) > 0 && (
              <p>
                <var>g</var> ← <var>g</var> · min(1, clip / ‖<var>g</var>‖)
              </p>
            )}
            <p>
              <span>
                <var>m</var> ← β₁<var>m</var> + (1 − β₁)<var>g</var>
              </span>{' '}
              <span>
                <var>v</var> ← β₂<var>v</var> + (1 − β₂)<var>g</var>²
              </span>
            </p>
            <p>
              <span>
                <var>p</var> ← <var>p</var> − <var>lr</var>
                <sub>t</sub> · m̂ / (√v̂ + ε)
              </span>{' '}
              <span>
                <var>lr</var>
                <sub>t</sub> = <var>lr</var> · (1 − <var>t</var>/steps)
              </span>
            </p>
          </Maths>
          <TrainingSettings />
        </>
      }
    >
      <LossChart height={320} caption />
      <Now />
    </Section>
  );
}

function TrainingSettings() {
  return (
    <>
      <Settings legend="Training">
        <OptionFields kind="training" />
      </Settings>
      <Settings legend="Engine">
        <OptionFields kind="engine" disabled={usesGpu(fields.value.engine) ? [] : ['launch']} />
      </Settings>
    </>
  );
}

function Now() {
  const now = progress.value;
  const all = total.value;
  const done = phase.value === 'done';
  return (
    <>
      <Figures>
        <Figure name="Smoothed loss" id="smoothed">
          {now === undefined ? NONE : lossText(now.smoothedLoss)}
        </Figure>
        <Figure name="Perplexity" id="perplexity">
          {now === undefined ? NONE : perplexity(now.smoothedLoss)}
        </Figure>
        <Figure name="Learning rate">
          {now === undefined ? NONE : Number(now.learningRate.toPrecision(3))}
        </Figure>
        <Figure name="Steps/s">{speed(done ? all?.stepsPerSecond : now?.stepsPerSecond)}</Figure>
        <Figure name="Tokens/s">{speed(done ? all?.tokensPerSecond : now?.tokensPerSecond)}</Figure>
        <Figure name="Time left">
          {done
            ? 'done'
            : now === undefined || now.secondsLeft === Infinity
              ? NONE
              : duration(now.secondsLeft)}
        </Figure>
      </Figures>
      <Details />
    </>
  );
}

function Details() {
  if (config.value === undefined) return null;
  const { parameters, model, data: summary, engine, reason } = config.value;
  return (
    <>
      <p class="detail" id="model-detail">
        {count(parameters)} parameters, {model.vocabSize} tokens in the vocabulary,{' '}
        {counted(summary.documents, 'document')}.
      </p>
      <p class="detail">Engine: {shownFields.value.engine === 'auto' ? reason : engine.description}.</p>
      {kept.value !== undefined && (
        <p class="detail" id="kept">
          Saved in this browser up to step {count(kept.value.step)}.
        </p>
      )}
    </>
  );
}

function speed(perSecond: number | undefined): string {
  return perSecond === undefined ? NONE : rate(perSecond);
}
