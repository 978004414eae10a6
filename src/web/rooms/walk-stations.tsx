// The stations of the walk, in microgpt.py's order: what happens, and the numbers of this token in this step.

import type { ComponentType } from 'preact';
import { brief, count, lossText, percent, signed } from '../format.ts';
import { INSIDE_TOKENS } from '../questions.ts';
import { DEFAULT_MODEL, type ModelOptions } from '../../config/config.ts';
import { NumberChoice } from '../parts/number-choice.tsx';
import { config } from '../state/run.ts';
import { tokenName } from '../story/token-names.ts';
import { Line, Likely, Strip, type StationProps } from './walk-parts.tsx';
import { Adam, Backward, TakeIt } from './walk-update.tsx';

interface Station {
  readonly title: string;
  /** microgpt.py's. */
  readonly names: readonly string[];
  readonly View: ComponentType<StationProps>;
}

export const STATIONS: readonly Station[] = [
  { title: 'A document', names: ['docs', 'step', 'doc'], View: Document },
  { title: 'Tokens', names: ['tokens', 'BOS', 'pos_id', 'token_id', 'target_id'], View: Tokens },
  { title: 'Embeddings', names: ['tok_emb', 'pos_emb', 'x'], View: Embeddings },
  { title: 'Attention', names: ['q_h', 'keys', 'attn_logits', 'attn_weights'], View: Attention },
  { title: 'Back into the stream', names: ['x_residual', 'head_out', 'x'], View: Residual },
  { title: 'The MLP', names: ['mlp_fc1', 'mlp_fc2'], View: Mlp },
  { title: 'What comes next', names: ['logits', 'probs'], View: Next },
  { title: 'The loss', names: ['target_id', 'loss_t', 'losses', 'loss'], View: Loss },
  { title: 'Backward', names: ['loss.backward()', 'p.grad'], View: Backward },
  { title: 'Adam', names: ['m', 'v', 'm_hat', 'v_hat', 'lr_t', 'p.data'], View: Adam },
  { title: 'The step', names: ['p.data', 'loss'], View: TakeIt },
];

function Document({ now }: StationProps) {
  const documents = config.value?.data.documents ?? 0;
  const batch = config.value?.training.batchSize ?? 1;
  return (
    <>
      <p>
        A step of training begins with the next document in line; after the last one comes the first again.
        This is what the model is about to learn from. It has not been trained on it in this round.
      </p>
      <Line name="step">{count(now.step)}</Line>
      <Line name="len(docs)">{count(documents)}</Line>
      <Line name="doc">
        docs[{count(now.document)}] = “{now.tokens.slice(1).map(tokenName).join('').replace(/BOS$/, '')}”
      </Line>
      {batch > 1 && (
        <p class="hint">
          A step of this run takes {count(batch)} documents at once; this is the first of them.
        </p>
      )}
    </>
  );
}

function Tokens({ now, place, follow }: StationProps) {
  const { tokens, position } = now;
  return (
    <>
      <p>
        Characters become numbers, with BOS on both sides. At each position the model sees the tokens so far,
        and is asked for the next one. Press the token that you want to follow.
      </p>
      <ol class="letters" aria-label="Tokens of the document">
        {tokens.slice(0, -1).map((id, r) => (
          <li key={r}>
            <button type="button" aria-pressed={r === place.position} onClick={() => follow({ position: r })}>
              <span class="char">{tokenName(id)}</span>
              <span class="nats">{id}</span>
            </button>
          </li>
        ))}
      </ol>
      <Line name="tokens">[{tokens.join(', ')}]</Line>
      <Line name="pos_id">{position}</Line>
      <Line name="token_id">
        {tokens[position]}, which is {tokenName(tokens[position])}
      </Line>
      <Line name="target_id">
        {tokens[position + 1]}, which is {tokenName(tokens[position + 1])}: to be guessed
      </Line>
    </>
  );
}

/** That of the run. */
function model(): ModelOptions {
  return config.value?.model ?? DEFAULT_MODEL;
}

function Embeddings({ now }: StationProps) {
  const { tokens, position, tokenEmbedding, positionEmbedding, embedded } = now;
  const token = tokenName(tokens[position]);
  const scaled = model().norm === 'rmsnorm';
  return (
    <>
      <p>
        The token’s row of <code>wte</code> and the position’s row of <code>wpe</code> are added, number by
        number{scaled && ', and scaled so that their mean square is 1'}. From here on, <code>x</code> stands
        for “{token} at position {position}”.
      </p>
      <Strip name="tok_emb" values={tokenEmbedding} />
      <Strip name="pos_emb" values={positionEmbedding} />
      <Strip name="x" values={embedded} />
      <Line name="x[0]">
        {scaled && 'rmsnorm of '}
        {signed(tokenEmbedding[0])} {signed(positionEmbedding[0])} → {signed(embedded[0])}
      </Line>
    </>
  );
}

function Attention({ now, place, follow }: StationProps) {
  const { tokens, position, layer, head, query, keys, attentionLogits, attentionWeights } = now;
  const D = query.length;
  const { nHead: heads, nLayer: layers } = model();
  const most = attentionWeights.reduce((best, w, t) => (w > attentionWeights[best] ? t : best), 0);
  return (
    <>
      <p>
        Each token makes a query: what it looks for. And a key: what it advertises. Query times key says how
        well they fit; softmax turns the fits into shares. Every head does so with {D} numbers of its own.
      </p>
      <div class="row">
        {layers > 1 && (
          <NumberChoice
            name="Layer"
            of={layers}
            at={place.layer}
            choose={(chosen) => follow({ layer: chosen })}
          />
        )}
        <NumberChoice name="Head" of={heads} at={place.head} choose={(chosen) => follow({ head: chosen })} />
      </div>
      <Strip name="q_h" values={query} />
      <table class="likely" aria-label={`Attention of layer ${layer}, head ${head}`}>
        <thead>
          <tr>
            <th scope="col">token</th>
            <th scope="col">attn_logits</th>
            <th scope="col">attn_weights</th>
            <th scope="col">
              <span class="hidden">share</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {Array.from(attentionWeights, (weight, t) => (
            <tr key={t}>
              <th scope="row">{tokenName(tokens[t])}</th>
              <td data-logit={attentionLogits[t]}>{signed(attentionLogits[t])}</td>
              <td class="bars">
                <span class="bar-of" style={{ width: `${100 * weight}%` }} />
              </td>
              <td data-weight={weight}>{percent(weight)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Line name={`k_h of ${tokenName(tokens[most])}`}>
        [
        {Array.from(keys.subarray(most * D, (most + 1) * D), signed)
          .slice(0, 8)
          .join(', ')}
        {D > 8 ? ', …' : ''}]
      </Line>
      <p class="hint">
        {position === 0
          ? 'The first token has nobody else to look at.'
          : `${tokenName(tokens[position])} looks most at ${tokenName(tokens[most])}. Later tokens do not exist yet for it.`}
      </p>
    </>
  );
}

function Residual({ now }: StationProps) {
  const { before, attended } = now;
  return (
    <>
      <p>
        What the tokens looked at hand over is mixed by those shares, put together from all heads, and added
        to what was there before. Nothing is overwritten: <code>x</code> is a stream into which every block
        pours.
      </p>
      <Strip name="x_residual" values={before} />
      <Strip name="added" values={attended.map((x, c) => x - before[c])} />
      <Strip name="x" values={attended} />
    </>
  );
}

function Mlp({ now }: StationProps) {
  const { layer, attended, hidden, fed } = now;
  const { nLayer: layers, activation } = model();
  const alive = hidden.reduce((n, h) => n + (h > 0 ? 1 : 0), 0);
  return (
    <>
      <p>
        Now the token thinks alone. <code>mlp_fc1</code> asks {hidden.length} questions; {activation}{' '}
        {activation === 'relu' ? 'keeps' : 'passes'} the answers above 0, here {alive} of them
        {activation !== 'relu' && ', and damps the others'}; <code>mlp_fc2</code> turns these into something
        to add.
      </p>
      <Strip name={`${activation}(…)`} values={hidden} />
      <Strip name="added" values={fed.map((x, c) => x - attended[c])} />
      <Strip name="x" values={fed} />
      {layers > 1 && (
        <p class="hint">
          That is layer {layer} of 0 to {layers - 1}, chosen under Attention. Each has matrices of its own.
        </p>
      )}
    </>
  );
}

function Next({ now }: StationProps) {
  return (
    <>
      <p>
        <code>{model().tie ? 'wte' : 'lm_head'}</code> compares <code>x</code> with every token of the
        vocabulary: the better the fit, the larger its logit. Softmax makes probabilities of them.
      </p>
      <Likely now={now} />
    </>
  );
}

function Loss({ now }: StationProps) {
  const { tokens, position, probabilities, losses } = now;
  const target = tokens[position + 1];
  const mean = losses.reduce((a, b) => a + b) / losses.length;
  return (
    <>
      <p>
        The right answer was {tokenName(target)}, and the model gave it {percent(probabilities[target])}. The
        less it had given, the larger the loss: −log of that probability. The loss of the document is the mean
        over its positions.
      </p>
      <Line name="loss_t">
        −log {brief(probabilities[target])} = {lossText(losses[position])}
      </Line>
      <ol class="letters" aria-label="loss_t of each position">
        {Array.from(losses, (loss, r) => (
          <li key={r} class={r === position ? 'here' : undefined}>
            <span class="char">{tokenName(tokens[r + 1])}</span>
            <span class="nats">{loss.toFixed(2)}</span>
          </li>
        ))}
      </ol>
      <Line name="loss">
        <span data-loss={mean}>{lossText(mean)}</span>, where guessing would be{' '}
        {lossText(Math.log(probabilities.length))}
      </Line>
      {losses.length === INSIDE_TOKENS && (
        <p class="hint">Only the first {INSIDE_TOKENS} positions are looked at here.</p>
      )}
    </>
  );
}
