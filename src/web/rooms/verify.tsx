// The room Verify: every kernel and a short training run against the oracle, on this device.

import { useEffect } from 'preact/hooks';
import { KERNEL_BAR } from '../../verify/check.ts';
import { count } from '../format.ts';
import { gpuHelp } from '../gpu-help.ts';
import { Intro, JobBar, PickOne, SoftwareNotice } from './parts.tsx';
import './rooms.css';
import * as verify from './verify-state.ts';
import { exponent, shareOfBar, type Group } from './verify-state.ts';

export default function Verify() {
  useEffect(verify.prepare, []);
  return (
    <>
      <Intro>
        <p>
          Does this machine compute what microgpt.py computes? The scalar oracle repeats losses that CPython
          gave. Every kernel is run on random shapes and compared with the same operation in double precision;
          then whole models are trained, step by step beside the oracle.
        </p>
      </Intro>
      <Controls />
      <Verdict />
      <Results />
    </>
  );
}

function Controls() {
  const checking = verify.phase.value === 'checking';
  const all = verify.subject.value?.checks ?? 0;
  const done = verify.checks.value.length;
  return (
    <>
      <div class="options">
        <PickOne
          name="what"
          legend="What"
          disabled={checking}
          options={{ gpu: 'GPU and CPU', cpu: 'CPU only' }}
          value={verify.onlyCpu.value ? 'cpu' : 'gpu'}
          onPick={(value) => {
            verify.onlyCpu.value = value === 'cpu';
          }}
        />
        <PickOne
          name="thorough"
          legend="How thoroughly"
          disabled={checking}
          options={{ brief: 'briefly', thorough: 'as microgpt verify does' }}
          value={verify.thorough.value ? 'thorough' : 'brief'}
          onPick={(value) => {
            verify.thorough.value = value === 'thorough';
          }}
        />
      </div>
      <JobBar
        running={checking}
        start={verify.onlyCpu.value ? 'Check my CPU' : 'Check my GPU'}
        onStart={verify.start}
        onStop={verify.stop}
        done={done}
        total={all}
      >
        {checking && (all === 0 ? 'Opening the device…' : `${count(done)} of ${count(all)} checks`)}
      </JobBar>
    </>
  );
}

/** In words: what was checked, how it went, and what to do. */
function Verdict() {
  const { phase, subject, checks, failures, error } = verify;
  const on = subject.value;
  const failed = failures.value.length;
  return (
    <div class="verdict">
      {on?.adapter?.software === true && <SoftwareNotice adapter={on.adapter} />}
      {on !== undefined && on.problem !== '' && (
        <div class="notice">
          <p>The GPU is not checked. {on.problem}</p>
          <p class="help">{gpuHelp(navigator.userAgent)}</p>
        </div>
      )}
      {error.value !== '' && (
        <p class="error" role="alert">
          {error.value}
        </p>
      )}
      <p id="verdict" class="sentence" role="status">
        {phase.value === 'done' && on !== undefined && failed === 0 && (
          <>
            All <b>{count(checks.value.length)}</b> checks passed on {verify.where(on)}.
          </>
        )}
        {phase.value !== 'ready' && on !== undefined && failed > 0 && (
          <>
            <b>
              {count(failed)} of {count(checks.value.length)}
            </b>{' '}
            checks failed on {verify.where(on)}: do not trust what it computes.
          </>
        )}
        {phase.value === 'stopped' && failed === 0 && (
          <>Stopped after {count(checks.value.length)} checks, none of which failed.</>
        )}
      </p>
      {phase.value === 'done' && failed === 0 && <Margin />}
      {failed > 0 && <Failures />}
    </div>
  );
}

/** How much room there is below the bars. */
function Margin() {
  const worst = verify.groups.value
    .filter(({ name }) => name !== 'oracle')
    .map((group) => group.worst)
    .reduce((a, b) => (shareOfBar(b) > shareOfBar(a) ? b : a));
  return (
    <p>
      Nearest to its bar comes “{worst.name}”, with an error of <Exponent of={worst.error} /> where{' '}
      <Exponent of={worst.bar} /> is allowed. Numbers of 32 bits round by <Exponent of={2 ** -24} />; the bar
      of a kernel, <Exponent of={KERNEL_BAR} />, leaves them room to add up and is far below what a wrong sign
      or index in one element makes.
    </p>
  );
}

function Exponent({ of: x }: { of: number }) {
  return <span class="unbroken">{exponent(x)}</span>;
}

function Failures() {
  const onGpu = verify.failures.value.some(({ group, name }) => /webgpu/.test(group + name));
  return (
    <div class="error" role="alert">
      <ul>
        {verify.failures.value.map(({ group, name, error, bar, detail }) => (
          <li key={group + name}>
            <b>{name}</b> ({group}): {exponent(error)} where {exponent(bar)} is allowed. {detail}
          </li>
        ))}
      </ul>
      <p>
        {onGpu
          ? 'The GPU, its driver or the browser computes this wrongly, or this project’s kernel does so there. Update the driver ' +
            'and the browser; until it passes, train on the CPU. The text below says what a maintainer needs to know.'
          : 'This browser’s arithmetic is not what JavaScript and WebAssembly promise, or this project is at fault. Update the ' +
            'browser; the text below says what a maintainer needs to know.'}
      </p>
    </div>
  );
}

function Results() {
  if (verify.checks.value.length === 0) return null;
  return (
    <>
      <h2>Worst errors</h2>
      <table class="groups">
        <thead>
          <tr>
            <th scope="col">checks</th>
            <th scope="col" class="bars">
              worst error, up to its bar
            </th>
            <th scope="col" class="numeric">
              error
            </th>
            <th scope="col" class="numeric">
              bar
            </th>
          </tr>
        </thead>
        <tbody>
          {verify.groups.value.map((group) => (
            <GroupRow key={group.name} group={group} />
          ))}
        </tbody>
      </table>
      <details class="every">
        <summary>Every check</summary>
        <pre tabIndex={0} role="region" aria-label="Every check">
          {verify.asText()}
        </pre>
        {isSecureContext && (
          <button type="button" onClick={() => void navigator.clipboard.writeText(verify.asText())}>
            Copy
          </button>
        )}
      </details>
    </>
  );
}

/** Decades below the bar that are drawn. */
const DECADES = 4;

function GroupRow({ group: { name, checks, worst } }: { group: Group }) {
  const share = shareOfBar(worst);
  const width = Math.min(1, Math.max(0, 1 + Math.log10(share) / DECADES));
  return (
    <tr class={checks.every(({ passed }) => passed) ? undefined : 'failed'}>
      <th scope="row">
        {name} <span class="role">{checks.length === 1 ? worst.compared : count(checks.length)}</span>
      </th>
      <td class="bars">
        <span class="bar-of" style={{ width: `${100 * width}%` }} />
      </td>
      <td class="numeric">{exponent(worst.error)}</td>
      <td class="numeric">{exponent(worst.bar)}</td>
    </tr>
  );
}
