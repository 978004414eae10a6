// A race: two engines train the same model at the same time.

import { count, lossText, rate } from '../format.ts';
import { storyHash } from '../state/address.ts';
import { Lines } from './lines.tsx';
import { JobBar, SoftwareNotice } from './parts.tsx';
import * as race from './race-state.ts';
import { CONTENDERS, type Contender, type Lane, type Side } from './race-state.ts';

export function Race() {
  const lanes = race.lanes.value;
  const racing = race.isRacing.value;
  const software = lanes?.map(({ info }) => info?.adapter).find((adapter) => adapter?.software === true);
  return (
    <section class="race" aria-labelledby="race-title">
      <h2 id="race-title">A race</h2>
      <p class="intro">
        The model of the <a href={storyHash.value}>story</a>, trained twice at the same time, from the same
        parameters on the same documents. Both share this machine, so that neither shows its full speed.
      </p>
      <div class="options">
        <Choice side={0} label="One" />
        <Choice side={1} label="The other" />
      </div>
      <JobBar
        running={racing}
        start="Race"
        onStart={race.start}
        onStop={race.stop}
        done={Math.min(...(lanes?.map(({ step }) => step) ?? [0]))}
        total={race.steps.value}
      >
        {lanes?.some(({ phase }) => phase === 'preparing') === true ? 'Preparing both…' : 'Racing'}
      </JobBar>
      {race.error.value !== '' && (
        <p class="error" role="alert">
          {race.error.value}
        </p>
      )}
      {software !== undefined && <SoftwareNotice adapter={software} />}
      {lanes !== undefined && (
        <>
          <div class="lanes">
            {lanes.map((lane, side) => (
              <LaneView key={side} lane={lane} side={side as Side} />
            ))}
          </div>
          <Outcome lanes={lanes} />
          <LossOverTime lanes={lanes} />
        </>
      )}
    </section>
  );
}

function Choice({ side, label }: { side: Side; label: string }) {
  const [first, second] = race.chosen.value;
  return (
    <label class="text">
      {label}
      <select
        value={race.chosen.value[side]}
        disabled={race.isRacing.value}
        onChange={({ currentTarget }) => {
          const contender = currentTarget.value as Contender;
          race.chosen.value = side === 0 ? [contender, second] : [first, contender];
        }}
      >
        {Object.entries(CONTENDERS).map(([id, { title }]) => (
          <option key={id} value={id}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}

const NONE = '–';

function LaneView({ lane, side }: { lane: Lane; side: Side }) {
  const { contender, phase, info, step, loss, stepsPerSecond, total, error } = lane;
  const speed = total?.stepsPerSecond ?? stepsPerSecond;
  return (
    <div class={side === 0 ? 'lane' : 'lane second'} data-phase={phase}>
      <h3>{CONTENDERS[contender].title}</h3>
      <progress
        max={race.steps.value}
        value={step}
        aria-label={`${CONTENDERS[contender].title}: steps done`}
      />
      <dl class="figures">
        <div>
          <dt>step</dt>
          <dd>
            {count(step)} / {count(race.steps.value)}
          </dd>
        </div>
        <div>
          <dt>loss</dt>
          <dd>{loss === undefined ? NONE : lossText(loss)}</dd>
        </div>
        <div>
          <dt>steps/s</dt>
          <dd>{speed === undefined ? NONE : rate(speed)}</dd>
        </div>
      </dl>
      <p class="detail">{error || info?.description || 'preparing'}</p>
    </div>
  );
}

/** A difference that rounding alone does not make in one step: a unit of relu was alive in one and dead in the other. */
const APART = 1e-4;

/** In words: who was faster, and how far they agree. */
function Outcome({ lanes }: { lanes: readonly [Lane, Lane] }) {
  const { steps, difference } = race.agreement.value;
  const finished = lanes.flatMap(({ contender, total }) =>
    total?.seconds === undefined ? [] : [{ title: CONTENDERS[contender].title, seconds: total.seconds }],
  );
  const [winner, loser] = finished.toSorted((a, b) => a.seconds - b.seconds);
  return (
    <>
      <p id="outcome" class="sentence" role="status">
        {finished.length === 2 && (
          <>
            {winner.title} was <b>{Number((loser.seconds / winner.seconds).toPrecision(2))} times</b> as fast
            as {loser.title}, side by side.
          </>
        )}
      </p>
      {steps > 0 && (
        <p id="agreement">
          Over the {count(steps)} steps that both have done, their losses differ by at most{' '}
          {difference === 0 ? '0: the same bits' : difference.toExponential(1)}.
          {difference > APART &&
            ' Rounding has led them apart: from there on they are two trainings, equally good.'}
        </p>
      )}
    </>
  );
}

function LossOverTime({ lanes }: { lanes: readonly [Lane, Lane] }) {
  const lines = race.curves.map(({ x, y }, side) => ({ name: String(side), x, y }));
  const seconds = Math.max(...race.curves.map(({ x }) => x.at(-1) ?? 0));
  if (seconds === 0) return null;
  const titles = lanes.map(({ contender }) => CONTENDERS[contender].title);
  return (
    <figure class="over-time">
      <Lines
        label={`Smoothed loss over time: ${titles.join(' and ')}`}
        lines={lines}
        right={seconds}
        across="seconds"
      />
      <figcaption>
        <span class="key line">{titles[0]}</span>
        <span class="key other">{titles[1]}</span>
        <span>smoothed loss over time</span>
      </figcaption>
    </figure>
  );
}
