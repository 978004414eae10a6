// The losses of a sweep: a table whose cells are coloured, and are buttons. One of them is in the order of Tab; the arrow
// keys go from cell to cell.

import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { gridPoint } from '../../train/sweep-grid.ts';
import { partOf, rampAt, scaleOf, type Scale } from '../../train/sweep-scale.ts';
import type { ModelResult } from '../../train/sweep.ts';
import { lossText } from '../format.ts';
import * as sweep from './sweep-state.ts';

const MOVES: Readonly<Record<string, readonly [right: number, down: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function HeatMap() {
  const table = useRef<HTMLTableElement>(null);
  const focused = useSignal(0);
  const { axes } = sweep.sweep.value!.job;
  const { learningRate: rates, seed: seeds } = axes;
  const results = new Map(sweep.results.value.map((result) => [result.index, result]));
  const scale = scaleOf(sweep.results.value, sweep.subject.value?.chance ?? Infinity);
  const best = sweep.best.value?.index;

  const move = (event: KeyboardEvent, at: number) => {
    const by = MOVES[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const x = Math.min(rates.length - 1, Math.max(0, (at % rates.length) + by[0]));
    const y = Math.min(seeds.length - 1, Math.max(0, Math.floor(at / rates.length) + by[1]));
    focused.value = y * rates.length + x;
    table.current?.querySelectorAll<HTMLButtonElement>('td button')[focused.value]?.focus();
  };

  return (
    <figure class="map">
      <div class="scroll">
        <table
          ref={table}
          role="grid"
          aria-label="Loss by learning rate and seed"
          style={{ minWidth: `${2.5 + 3 * rates.length}rem` }}
        >
          <thead>
            <tr>
              <th scope="col">
                <span class="hidden">seed</span>
              </th>
              {rates.map((rate) => (
                <th key={rate} scope="col">
                  {rate}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {seeds.map((seed, y) => (
              <tr key={seed}>
                <th scope="row">{seed}</th>
                {rates.map((rate, x) => {
                  const index = y * rates.length + x; // seeds are the slowest axis
                  return (
                    <Cell
                      key={rate}
                      index={index}
                      result={results.get(index)}
                      scale={scale}
                      best={index === best}
                      inTabOrder={index === focused.value}
                      onKey={(event) => move(event, index)}
                      onPress={() => {
                        focused.value = index;
                        sweep.look(index);
                      }}
                    />
                  );
                })}
              </tr>
            ))}
          </tbody>
          {seeds.length > 1 && <Means rates={rates} />}
        </table>
      </div>
      <figcaption>
        <span>Columns: learning rate. Rows: seed.</span>
        <span class="ramp" aria-hidden="true">
          {lossText(scale.low)}
          {[0, 0.2, 0.4, 0.6, 0.8, 1].map((part) => (
            <i key={part} style={{ background: rampAt(part) }} />
          ))}
          {lossText(scale.high)}
        </span>
      </figcaption>
    </figure>
  );
}

/** The curve over the learning rates, of those that all seeds have trained. */
function Means({ rates }: { readonly rates: readonly number[] }) {
  const ranked = sweep.ranked.value;
  return (
    <tfoot>
      <tr>
        <th scope="row">mean</th>
        {rates.map((rate) => {
          const rank = ranked.findIndex(({ setting }) => setting.learningRate === rate);
          const mean = rank < 0 ? '·' : ranked[rank].loss.toFixed(3);
          return (
            <td key={rate} role="gridcell">
              {rank === 0 ? <b>{mean}</b> : mean}
            </td>
          );
        })}
      </tr>
    </tfoot>
  );
}

interface CellProps {
  readonly index: number;
  readonly result: ModelResult | undefined;
  readonly scale: Scale;
  readonly best: boolean;
  readonly inTabOrder: boolean;
  onKey(event: KeyboardEvent): void;
  onPress(): void;
}

function Cell({ index, result, scale, best, inTabOrder, onKey, onPress }: CellProps) {
  const axes = sweep.sweep.value!.job.axes;
  const { learningRate, seed } = gridPoint(axes, index);
  const loss = result?.loss;
  const part = loss === undefined ? undefined : partOf(scale, loss);
  const style = part === undefined ? {} : { background: rampAt(part), color: part < 0.55 ? '#000' : '#fff' };
  const shown = loss !== undefined ? loss.toFixed(2) : result === undefined ? '·' : '×';
  const notes = [`learning rate ${learningRate}`, `seed ${seed}`];
  if (result === undefined) notes.push('not trained yet');
  if (result?.diverged === true) notes.push('diverged');
  if (best) notes.push('the best');
  return (
    <td role="gridcell" aria-selected={index === sweep.selected.value}>
      <button
        type="button"
        class={best ? 'best' : undefined}
        style={style}
        tabIndex={inTabOrder ? 0 : -1}
        data-loss={loss}
        aria-label={`${shown}: ${notes.join(', ')}`}
        onKeyDown={onKey}
        onClick={onPress}
      >
        {shown}
      </button>
    </td>
  );
}
