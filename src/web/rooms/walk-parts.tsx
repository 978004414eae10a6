// What the stations of the walk are made of.

import type { ComponentChildren } from 'preact';
import { percent, signed } from '../format.ts';
import { HeatMap } from '../parts/heat-map.tsx';
import { picture } from '../picture.ts';
import type { WalkAnswer } from '../questions.ts';
import { tokenName } from '../story/token-names.ts';

/** What of a step is looked at. */
export type Place = Readonly<Pick<WalkAnswer, 'position' | 'layer' | 'head'>>;

export interface StationProps {
  readonly now: WalkAnswer;
  /** What the reader chose; `now` may still be of the choice before. */
  readonly place: Place;
  /** The same after the step, where the reader has taken it. */
  readonly after: WalkAnswer | undefined;
  /** Follows the token at another position, or looks at another head or layer. */
  readonly follow: (place: Partial<Place>) => void;
  /** Takes the step. */
  readonly take: () => void;
}

/** A named number. */
export function Line({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <p class="named-number">
      <code>{name}</code> <span>{children}</span>
    </p>
  );
}

/** A row of numbers, by colour. */
export function Strip({ name, values }: { name: string; values: Float64Array }) {
  const { cols, wide, values: shown } = picture(values, 1, values.length);
  const largest = shown.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  return (
    <div class="strip">
      <code>{name}</code>
      <div>
        <HeatMap
          label={`${name}, ${values.length} numbers of at most ${signed(largest).slice(1)}`}
          rows={1}
          cols={cols}
          values={shown}
          cell={22}
          tall={22}
          read={(_row, c) => `[${c * wide}] ${signed(shown[c])}`}
        >
          {values.length} numbers, the largest {signed(largest).slice(1)}
        </HeatMap>
      </div>
    </div>
  );
}

const SHOWN = 6;

/** The likeliest tokens, and the right one. */
export function Likely({ now: { tokens, position, logits, probabilities } }: { now: WalkAnswer }) {
  const target = tokens[position + 1];
  const order = Array.from(probabilities.keys()).sort((a, b) => probabilities[b] - probabilities[a]);
  const shown = order.slice(0, SHOWN);
  if (!shown.includes(target)) shown.push(target);
  return (
    <table class="likely" aria-label="Logits and probabilities">
      <thead>
        <tr>
          <th scope="col">token</th>
          <th scope="col">logits</th>
          <th scope="col">probs</th>
          <th scope="col">
            <span class="hidden">probability</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {shown.map((id) => (
          <tr key={id}>
            <th scope="row">
              {tokenName(id)}
              {id === target && <span class="role">right</span>}
            </th>
            <td>{signed(logits[id])}</td>
            <td class="bars">
              <span class="bar-of" style={{ width: `${100 * probabilities[id]}%` }} />
            </td>
            <td data-p={probabilities[id]}>{percent(probabilities[id])}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
