// "Define the model architecture": tokens in, logits out.

import type { ComponentChildren } from 'preact';
import { DEFAULT_MODEL } from '../../config/config.ts';
import { Lazy } from '../parts/lazy.tsx';
import { Maths, Section } from '../parts/section.tsx';
import { progress } from '../state/run.ts';
import { modelNow } from './parameters.tsx';

export function Model() {
  return (
    <Section
      id="model"
      title="Model"
      say={
        <>
          <p>
            A token becomes a row of numbers. In each layer two things are added to the row: what it gathers
            from itself and the tokens before it (attention), and what it makes of that by itself (the MLP).
            At the end the row is compared with every token there is: the better the fit, the likelier it
            comes next.
          </p>
          <Maths>
            <NormFormula />
            <p>
              softmax(<var>z</var>)<sub>i</sub> = exp <var>z</var>
              <sub>i</sub> / Σ<sub>j</sub> exp <var>z</var>
              <sub>j</sub>
            </p>
            <p>
              attention = softmax(<var>q</var>·<var>K</var>ᵀ / √<var>D</var>) · <var>V</var>
            </p>
          </Maths>
          <p>
            <a href="#/walk">Walk through one step</a> of your own run with a single letter.
          </p>
        </>
      }
      below={<Lazy load={() => import('./model-inside.tsx')} />}
    >
      <Flow />
    </Section>
  );
}

function NormFormula() {
  const { norm } = modelNow() ?? DEFAULTS;
  if (norm === 'rmsnorm')
    return (
      <p>
        rmsnorm(<var>x</var>) = <var>x</var> / √(mean(<var>x</var>²) + 10<sup>−5</sup>)
      </p>
    );
  return (
    <p>
      {norm}(<var>x</var>) = <var>weight</var> · (<var>x</var> − mean(<var>x</var>)) / √(var(<var>x</var>) +
      10
      <sup>−5</sup>) + <var>bias</var>
    </p>
  );
}

/** The way of one document through the model, with the shapes it takes. */
function Flow() {
  const model = modelNow() ?? DEFAULTS;
  const { nLayer, nEmbd: C, nHead: H, vocabSize: V, blockSize: T, norm, activation } = model;
  const atStart = norm === 'rmsnorm'; // others stand at the end, as in GPT-2
  const plus = model.bias ? ' + bias' : '';
  const document = progress.value?.document;
  const n = document === undefined ? 'n' : String(Math.min(T, [...document].length + 1));
  const D = C / H;
  return (
    <ol class="flow" aria-label="The way through the model">
      <Stage shape={n}>
        {document === undefined
          ? 'the tokens of a document'
          : `BOS ${[...document].slice(0, T - 1).join(' ')}`}
      </Stage>
      <Stage shape={`${n} × ${C}`}>
        x = <code>wte</code>[token] + <code>wpe</code>[position]{atStart && ', then rmsnorm'}
      </Stage>
      <li class="block">
        <span class="times">
          {nLayer === 1 ? 'one layer' : `${nLayer} layers, each`}: {H} {H === 1 ? 'head' : 'heads'} of {D}
        </span>
        <ol>
          <Stage shape={`3 × ${n} × ${C}`}>
            q, k, v = {norm}(x) · <code>attn_wq</code>, <code>attn_wk</code>, <code>attn_wv</code>
            {plus}
          </Stage>
          <Stage shape={`${H} × ${n} × ${n}`}>every token weighs those up to itself</Stage>
          <Stage shape={`${n} × ${C}`}>
            x += what they hand over · <code>attn_wo</code>
            {plus}
          </Stage>
          <Stage shape={`${n} × ${4 * C}`}>
            h = {activation}({norm}(x) · <code>mlp_fc1</code>
            {plus})
          </Stage>
          <Stage shape={`${n} × ${C}`}>
            x += h · <code>mlp_fc2</code>
            {plus}
          </Stage>
        </ol>
      </li>
      <Stage shape={`${n} × ${V}`}>
        logits = {atStart ? 'x' : `${norm}(x)`} · <code>{model.tie ? 'wte' : 'lm_head'}</code>
      </Stage>
    </ol>
  );
}

/** microgpt.py's, while the settings make none. */
const DEFAULTS = { ...DEFAULT_MODEL, vocabSize: 27 };

function Stage({ shape, children }: { shape: string; children: ComponentChildren }) {
  return (
    <li class="stage">
      <span>{children}</span>
      <span class="shape">{shape}</span>
    </li>
  );
}
