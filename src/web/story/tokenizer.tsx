// "Let there be a Tokenizer": characters to numbers and back.

import { Lazy } from '../parts/lazy.tsx';
import { Maths, Section } from '../parts/section.tsx';
import { data, progress } from '../state/run.ts';

/** Tokens of a document that are shown. */
const SHOWN = 24;
/** Of the vocabulary. */
const VOCABULARY = 200;

export function Tokenizer() {
  return (
    <Section
      id="tokenizer"
      title="Tokenizer"
      say={
        <>
          <p>
            A network computes with numbers, so every character gets one: its place among all characters of
            the text, in sorted order. One more token, <b>BOS</b>, stands before and after each document.
            After the first one the model begins; by predicting the second it ends the document.
          </p>
          <Maths>
            <p>
              id(<var>c</var>) = place of <var>c</var> in sorted({'{'}characters{'}'})
            </p>
            <p>
              BOS = <var>V</var> − 1
            </p>
          </Maths>
          <p>
            At each token the model predicts the next: n + 1 predictions for n characters, and at most{' '}
            <var>T</var>, its context.
          </p>
        </>
      }
      below={<Lazy load={() => import('./tokenizer-embeddings.tsx')} />}
    >
      <Tokens />
      <Vocabulary />
    </Section>
  );
}

/** The document of this step, or the first one. */
function Tokens() {
  const now = data.value;
  if (now === undefined || now.documents.length === 0) return null; // of a run whose text is elsewhere
  const text = progress.value?.document ?? now.documents[0];
  const chars = [...text];
  const bos = now.chars.length;
  const cells = [
    { char: 'BOS', id: bos },
    ...chars.slice(0, SHOWN).map((char) => ({ char, id: now.chars.indexOf(char) })),
    ...(chars.length > SHOWN ? [] : [{ char: 'BOS', id: bos }]),
  ];
  return (
    <>
      <h3>{progress.value === undefined ? 'The first document' : 'The document of this step'}</h3>
      <ol class="tokens line" tabIndex={0} aria-label={`Tokens of ${text}`}>
        {cells.map(({ char, id }, i) => (
          <li key={i}>
            <span class="char">{visible(char)}</span>
            <span class="id">{id}</span>
          </li>
        ))}
        {chars.length > SHOWN && <li>…</li>}
      </ol>
    </>
  );
}

function Vocabulary() {
  const now = data.value;
  if (now === undefined) return null;
  const V = now.chars.length + 1;
  return (
    <>
      <h3>
        The vocabulary: <var>V</var> = {V}
      </h3>
      <ol class="tokens small" aria-label="Vocabulary">
        {now.chars.slice(0, VOCABULARY).map((char, id) => (
          <li key={id}>
            <span class="char">{visible(char)}</span>
            <span class="id">{id}</span>
          </li>
        ))}
        {now.chars.length > VOCABULARY && <li>…</li>}
        <li>
          <span class="char">BOS</span>
          <span class="id">{V - 1}</span>
        </li>
      </ol>
      <p class="hint">
        Giving all {V} tokens the same probability is a loss of ln {V} = {Math.log(V).toFixed(4)}.
      </p>
    </>
  );
}

/** A space would show as nothing. */
export function visible(char: string): string {
  return char === ' ' ? '␣' : char;
}
