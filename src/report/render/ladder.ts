// The ladder: how long a step is on each rung, on a logarithmic scale with the interval and every sample.

import { isMeasured, onSoftware } from '../judge/claims.ts';
import { ladderFinding } from '../judge/findings.ts';
import { count, figure, spread, roundTime, time, timeSpread, timesSpread } from '../judge/format.ts';
import type { Ladder, Report, Rung } from '../schema.ts';
import { shapeText } from '../judge/verdict.ts';
import { axisAbove, logScale } from './scale.ts';
import { NONE, number, ranged, words, type Drawing, type Section } from './section.ts';
import { element, label, rect, whisker } from './svg.ts';

export function ladderSection(report: Report, ladder: Ladder): Section {
  return {
    id: 'ladder',
    title: 'How fast is each rung?',
    finding: ladderFinding(report),
    key:
      'Time of a training step on a logarithmic scale, shorter is faster. Bar: median, with its 95% ' +
      'interval; dots: every round. Orange rungs run on the GPU, hatched ones on software that imitates a GPU.',
    software: ladder.rungs.some((rung) => isMeasured(rung) && onSoftware(report, rung)),
    draw: (width) => draw(report, ladder, width),
    tables: [
      {
        id: 'ladder',
        caption: `A training step: ${shapeText(ladder.shape)}, ${count(ladder.shape.parameters)} parameters`,
        columns: [
          { label: 'rung' },
          { label: 'step (95% interval)', numeric: true },
          { label: 'MAD', numeric: true },
          { label: 'rounds', numeric: true },
          { label: 'samples/s', numeric: true },
          { label: 'tokens/s', numeric: true },
          { label: 'of the oracle', numeric: true },
          { label: 'largest loss difference', numeric: true },
        ],
        rows: ladder.rungs.map((rung) => ({
          software: isMeasured(rung) && onSoftware(report, rung),
          cells: [
            words(rung.label),
            rung.step ? ranged(spread(rung.step), timeSpread) : words(rung.reason ?? 'not measured'),
            rung.step ? number(rung.step.mad, time) : NONE,
            rung.step ? number(rung.step.samples.length, count) : NONE,
            number(rung.samplesPerSecond, figure),
            number(rung.tokensPerSecond, figure),
            ranged(rung.timesOracle, timesSpread),
            number(rung.lossDifference, scientific),
          ],
        })),
      },
    ],
    notes: [
      `Before timing, the losses of ${count(ladder.checkedSteps)} steps were compared with the oracle's: at most ` +
        `${scientific(ladder.tolerance)} apart.`,
      'eager: a submit for each kernel; graph: one submit for all; fused: fewer kernels; resident: whole steps inside one ' +
        'kernel; population: as resident, many models at once. A step of a population is one step of one of its models.',
    ],
  };
}

/** `6.6e-7` */
function scientific(x: number): string {
  return x === 0 ? '0' : x.toExponential(1);
}

function draw(report: Report, { rungs }: Ladder, width: number): Drawing {
  const narrow = width < 500;
  const row = narrow ? 46 : 34;
  const top = 28;
  const left = narrow ? 4 : 244;
  const right = narrow ? width - 14 : width - 180;
  const height = top + rungs.length * row + 4;
  const scale = logScale(
    rungs.flatMap(({ step }) => (step ? [step.median, step.low, step.high, ...step.samples] : [])),
    [left, right],
    narrow ? 5 : 8,
  );
  const rows = rungs.map((rung, i) => {
    const y = top + i * row + (narrow ? 32 : row / 2);
    const text = narrow ? y - 15 : y + 4.5;
    const name = label(narrow ? 0 : left - 14, text, rung.label, {
      room: narrow ? width * 0.52 : left - 14,
      'text-anchor': narrow ? 'start' : 'end',
    });
    return name + marks(rung, y, text);
  });
  return { height, body: axisAbove(scale, top, height, roundTime) + rows.join('') };

  function marks(rung: Rung, y: number, text: number): string {
    if (rung.step === null) {
      const reason = rung.reason ?? 'not measured';
      return label(left + (narrow ? 0 : 8), y + 4.5, reason, { class: 'muted', room: width - left - 8 });
    }
    const { median, low, high, samples } = rung.step;
    const style = onSoftware(report, rung) ? 'hatched' : rung.id.startsWith('webgpu') ? 'accent' : 'bar';
    const dots = [...new Set(samples.map((x) => Math.round(scale(x) * 2) / 2))];
    return (
      rect(left, y - 5, scale(median) - left, 10, { class: style, 'data-value': String(median) }) +
      whisker(scale(low), scale(high), y, { tall: 6 }) +
      dots.map((x) => element('circle', { cx: x, cy: y + 10, r: 1.4, class: 'sample' })).join('') +
      label(narrow ? width : right + 16, text, timeSpread(spread(rung.step)), {
        class: 'value',
        room: narrow ? width * 0.48 : width - right - 16,
        'text-anchor': narrow ? 'end' : 'start',
      })
    );
  }
}
