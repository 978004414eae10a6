// A section of the story: what it is and the few lines of mathematics on the left, the run in front of the reader on the
// right.

import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { InView } from '../state/ask.ts';
import { isQuick } from '../state/ask-when-quick.ts';
import { isAsking } from '../state/run.ts';
import { useInView } from './in-view.ts';

interface Props {
  readonly id: string;
  readonly title: string;
  /** Prose, mathematics, settings. */
  readonly say: ComponentChildren;
  /** The live view. */
  readonly children: ComponentChildren;
  /** What needs the whole width, below both. */
  readonly below?: ComponentChildren;
}

export function Section({ id, title, say, children, below }: Props) {
  const element = useRef<HTMLElement>(null);
  const inView = useInView(element);
  return (
    <section id={id} ref={element} class="section" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      <div class="spread">
        <div>{say}</div>
        <div class="see">
          <InView.Provider value={inView}>{children}</InView.Provider>
        </div>
      </div>
      {below !== undefined && (
        <div class={isAsking() && isQuick() ? 'below reserved' : 'below'}>
          <InView.Provider value={inView}>{below}</InView.Provider>
        </div>
      )}
    </section>
  );
}

/** Lines of mathematics, set as text. */
export function Maths({ children }: { children: ComponentChildren }) {
  return <div class="maths">{children}</div>;
}

interface FigureProps {
  readonly name: string;
  readonly id?: string;
  readonly children: ComponentChildren;
}

/** A named figure; put them into `<Figures>`. */
export function Figure({ name, id, children }: FigureProps) {
  return (
    <div>
      <dt>{name}</dt>
      <dd id={id}>{children}</dd>
    </div>
  );
}

export function Figures({ children }: { children: ComponentChildren }) {
  return <dl class="figures">{children}</dl>;
}
