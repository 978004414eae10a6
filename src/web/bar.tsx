// The slim bar that stays at the top: start, pause, step, reset, and where the run is.

import { useEffect, useRef } from 'preact/hooks';
import { count, lossText, rate } from './format.ts';
import { room, ROOMS } from './routes.ts';
import { config, history, historyVersion, pausing, phase, progress, total, type Phase } from './state/run.ts';
import { storyHash } from './state/address.ts';
import { pace, reset, startOrPause, step } from './state/trainer.ts';

const NONE = '–';
const ENGINES = { webgpu: 'WebGPU', cpu: 'CPU', oracle: 'Oracle' };
/** Steps a second. */
const PACES = [0, 1, 5, 20, 100];

const LABELS: Record<Phase, string> = {
  idle: 'Start',
  preparing: 'Pause',
  training: 'Pause',
  paused: 'Continue',
  sampling: 'Pause',
  interrupted: 'Go on',
  done: 'Start',
  failed: 'Start',
};

export function Bar() {
  const sampling = phase.value === 'sampling';
  const now = progress.value;
  const header = useRef<HTMLElement>(null);
  useEffect(() => {
    const resized = new ResizeObserver(() =>
      document.documentElement.style.setProperty('--bar-height', `${header.current!.offsetHeight}px`),
    );
    resized.observe(header.current!);
    return () => resized.disconnect();
  }, []);
  return (
    <header class="bar" ref={header}>
      <div class="inner">
        <div class="buttons" role="group" aria-label="Training">
          <button
            type="button"
            id="main"
            class="primary"
            aria-disabled={sampling || pausing.value}
            onClick={startOrPause}
          >
            {LABELS[phase.value]}
          </button>
          <button type="button" id="step" aria-disabled={sampling} onClick={step}>
            Step
          </button>
          <button
            type="button"
            id="reset"
            aria-disabled={phase.value === 'idle'}
            onClick={() => phase.value !== 'idle' && reset()}
          >
            Reset
          </button>
        </div>
        <dl class="now">
          <div>
            <dt>step</dt>
            <dd id="now-step">{stepText()}</dd>
          </div>
          <div>
            <dt>loss</dt>
            <dd id="now-loss">{now === undefined ? NONE : lossText(now.loss)}</dd>
          </div>
          <div>
            <dt>steps/s</dt>
            <dd id="now-speed">{speedText()}</dd>
          </div>
          <div>
            <dt>engine</dt>
            <dd id="now-engine">{engineText()}</dd>
          </div>
        </dl>
        <Sparkline />
        <label class="pace">
          <span>pace </span>
          <select
            value={pace.value}
            onChange={({ currentTarget }) => {
              pace.value = Number(currentTarget.value);
            }}
          >
            {PACES.map((stepsPerSecond) => (
              <option key={stepsPerSecond} value={stepsPerSecond}>
                {stepsPerSecond === 0 ? 'full speed' : `${stepsPerSecond} steps/s`}
              </option>
            ))}
          </select>
        </label>
        <Rooms />
      </div>
      <progress max={config.value?.training.steps ?? 1} value={now?.step ?? 0} aria-label="Steps done" />
    </header>
  );
}

function Rooms() {
  if (ROOMS.length === 0) return null;
  const here = (yes: boolean) => (yes ? 'page' : undefined);
  return (
    <nav aria-label="Rooms">
      <a href={storyHash.value} aria-current={here(room.value === undefined)}>
        Story
      </a>
      {ROOMS.map(({ id, title }) => (
        <a key={id} href={`#/${id}`} aria-current={here(room.value?.id === id)}>
          {title}
        </a>
      ))}
    </nav>
  );
}

/** Points of the small curve. */
const POINTS = 80;

/** The smoothed loss, small; the curve itself is in the training loop's section. */
function Sparkline() {
  void historyVersion.value;
  const { buckets } = history.current;
  const steps = config.value?.training.steps;
  if (steps === undefined || buckets.length < 2) return <svg class="spark" aria-hidden="true" />;
  const stride = Math.max(1, Math.floor(buckets.length / POINTS));
  const chosen = buckets.filter((_bucket, i) => i % stride === 0 || i === buckets.length - 1);
  const top = Math.max(...chosen.map(({ smoothed }) => smoothed));
  const bottom = Math.min(...chosen.map(({ smoothed }) => smoothed));
  const points = chosen.map(({ step: at, smoothed }) => {
    const y = 2 + ((top - smoothed) / (top - bottom || 1)) * 24;
    return `${((100 * at) / steps).toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" aria-hidden="true">
      <polyline points={points.join(' ')} />
    </svg>
  );
}

function stepText(): string {
  const steps = config.value?.training.steps;
  return steps === undefined ? NONE : `${count(progress.value?.step ?? 0)} / ${count(steps)}`;
}

function speedText(): string {
  const speed = phase.value === 'done' ? total.value?.stepsPerSecond : progress.value?.stepsPerSecond;
  return speed === undefined ? NONE : rate(speed);
}

function engineText(): string {
  const engine = config.value?.engine;
  if (engine === undefined) return NONE;
  return ENGINES[engine.engine] + (engine.adapter?.software === true ? ' (software)' : '');
}
