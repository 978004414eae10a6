// The top of the page: what it is, what to begin with, and how the run stands, in a sentence.

import { count, kindOf, perplexity } from './format.ts';
import { config, data, isRunning, phase, previews, progress, samples } from './state/run.ts';
import { LossChart } from './parts/loss-chart.tsx';
import { LOCKED } from './parts/fields.tsx';
import { PRESETS, presetFields, presetOf } from './state/presets.ts';
import { storyHash } from './state/address.ts';
import { fields } from './state/settings.ts';
import { SECTIONS } from './story/story.tsx';

export function Hero() {
  return (
    <div class="hero">
      <div>
        <h1>
          microGPT <span>on WebGPU</span>
        </h1>
        <p class="lead">
          A GPT, trained from scratch in this tab, on your GPU or CPU: the whole algorithm of{' '}
          <a href="https://gist.github.com/karpathy/8627fe009c40f57531cb18360106ce95">microgpt.py</a>. The
          sections below follow that file, and show your run as it trains. Nothing leaves your machine.
        </p>
        <Presets />
      </div>
      <div class="glance">
        <Sentence />
        <LossChart height={170} caption={false} />
      </div>
      <Contents />
    </div>
  );
}

function Presets() {
  const chosen = presetOf(fields.value);
  const locked = isRunning();
  return (
    <fieldset class="presets" disabled={locked}>
      <legend>Presets</legend>
      {PRESETS.map((preset) => (
        <button
          key={preset.name}
          type="button"
          aria-pressed={chosen === preset}
          onClick={() => {
            fields.value = presetFields(preset, fields.value);
          }}
        >
          {preset.name}
        </button>
      ))}
      <p class="help">
        {chosen?.help ?? 'Your own settings.'}
        {locked && ` ${LOCKED}`}
      </p>
    </fieldset>
  );
}

/** What the number means. */
function Sentence() {
  const now = progress.value;
  const chars = data.value?.chars;
  if (now === undefined || config.value === undefined || chars === undefined) {
    const tokens = chars === undefined ? 'all tokens' : <><b>all {chars.length + 1}</b> tokens</>; // prettier-ignore
    return (
      <p class="sentence">
        Untrained, it gives {tokens} about the same probability. Press <b>Start</b> and watch it learn.
      </p>
    );
  }
  const V = config.value.model.vocabSize;
  const choices = perplexity(now.smoothedLoss);
  const written = phase.value === 'done' ? samples.value.slice(0, 4) : (previews.value.at(-1)?.texts ?? []);
  return (
    <>
      <p class="sentence">
        After <b>{count(now.step)}</b> {now.step === 1 ? 'step' : 'steps'} it is{' '}
        {now.smoothedLoss >= Math.log(V) ? (
          <>
            no better than choosing among <b>all {V}</b> tokens at random
          </>
        ) : Number(choices) < 1.05 ? (
          <>
            <b>almost certain</b> of every next token
          </>
        ) : (
          <>
            choosing between about{' '}
            <b>
              {choices} equally likely {kindOf(chars)}
            </b>
            , down from {V}
          </>
        )}
        .
      </p>
      <p class="dream">{written.map((text) => text || '(nothing)').join(' · ')}</p>
    </>
  );
}

function Contents() {
  return (
    <nav class="contents" aria-label="Sections">
      <ol>
        {SECTIONS.map(({ id, title }) => (
          <li key={id}>
            <a
              href={`#${id}`}
              onClick={(event) => {
                if (storyHash.value === '#') return;
                event.preventDefault(); // the address has settings, which are worth more
                document.getElementById(id)?.scrollIntoView();
              }}
            >
              {title}
            </a>
          </li>
        ))}
      </ol>
    </nav>
  );
}
