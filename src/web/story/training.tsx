// "Let there be Adam" and "Repeat in sequence": the training loop.

import { count, duration, guessing, lossText, rate } from '../format.ts';
import { Choice, NumberInput, Settings } from '../parts/fields.tsx';
import { LossChart } from '../parts/loss-chart.tsx';
import { Figure, Figures, Maths, Section } from '../parts/section.tsx';
import { config, data, phase, progress, total } from '../state/run.ts';
import { fields, usesGpu } from '../state/settings.ts';

const NONE = '–';

export function Training() {
  return (
    <Section
      id="training"
      title="Adam and the training loop"
      say={
        <>
          <p>
            Take a document, ask the model for every next token, and see how surprised it is by the right one:
            that is the loss. Then let every parameter go a little downhill. Adam remembers where each one has
            been going (<var>m</var>) and how restlessly (<var>v</var>), and measures its steps by both.
          </p>
          <Maths>
            <p>
              <var>L</var> = −mean ln <var>p</var>(next token)
            </p>
            {Number(fields.value.clip) > 0 && (
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
        <NumberInput name="steps" label="Steps" help="How many times the parameters change." />
        <NumberInput name="batch_size" label="Documents a step" help="More give a steadier direction: B." />
        <NumberInput name="lr" label="Learning rate" help="How far a step goes at first; it falls to 0." />
        <NumberInput
          name="seed"
          label="Random numbers"
          help="Another seed, another run; the same, the same."
        />
        <NumberInput name="beta1" label="Memory of direction" help="Near 1: the direction changes slowly." />
        <NumberInput name="beta2" label="Memory of size" help="Near 1: the step size changes slowly." />
        <NumberInput
          name="clip"
          label="Longest gradient"
          help="A longer one is shortened to it; 0: none is."
        />
      </Settings>
      <Settings legend="Engine">
        <Choice
          name="engine"
          label="What computes"
          help="All of them give the same numbers; where there is no WebGPU, the CPU steps in."
          options={{ webgpu: 'WebGPU', cpu: 'CPU', oracle: 'Oracle (scalar)', auto: 'The faster one' }}
        />
        <Choice
          name="launch"
          label="Kernel launch"
          help="How a step reaches the GPU, which is what a small model pays for most."
          options={{
            graph: 'graph',
            eager: 'eager',
            fused: 'fused',
            resident: 'resident',
            auto: 'The fastest by trial',
          }}
          disabled={!usesGpu(fields.value.engine)}
        />
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
        <Figure name="Like guessing among" id="guessing">
          {now === undefined ? NONE : guessing(now.smoothedLoss, data.value?.chars ?? [])}
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
        {count(parameters)} parameters, {model.vocabSize} tokens in the vocabulary, {count(summary.documents)}{' '}
        documents.
      </p>
      <p class="detail">Engine: {fields.value.engine === 'auto' ? reason : engine.description}.</p>
    </>
  );
}

function speed(perSecond: number | undefined): string {
  return perSecond === undefined ? NONE : rate(perSecond);
}
