// sweep.svg: that a browser reads it, and that it shows what was found.

import fc from 'fast-check';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SavedSweep } from '../../src/train/sweep-file.ts';
import { axesOf, AXIS_NAMES, gridSize, type Axes, type AxisName } from '../../src/train/sweep-grid.ts';
import { COMMON_NAMES, DEFAULT_MODEL, DEFAULT_TRAINING, pick } from '../../src/config/config.ts';
import { plotSweep } from '../../src/train/sweep-plot.ts';
import { partOf, rampAt, scaleOf, ticks } from '../../src/train/sweep-scale.ts';
import { compareResults, type ModelResult } from '../../src/train/sweep.ts';
import { noChromium } from '../support/chromium.ts';
import { useChromium } from '../support/shared-chromium.ts';

const ONE = axesOf(DEFAULT_TRAINING);

function sweepOf(axes: Partial<Axes>, results: readonly ModelResult[], source = 'builtin'): SavedSweep {
  return {
    model: { ...DEFAULT_MODEL, nEmbd: 8, nHead: 2, blockSize: 6, vocabSize: 27 },
    training: { ...pick(DEFAULT_TRAINING, COMMON_NAMES), steps: 60, batchSize: 2 },
    axes: { ...ONE, ...axes },
    data: { source, documents: 4, sha256: 'a'.repeat(64) },
    engine: { name: 'cpu' },
    smoothingWindow: 50,
    results: results.toSorted(compareResults),
  };
}

const done = (index: number, loss: number): ModelResult => ({ index, step: 60, loss, error: 0.01 });
const GRID = { seed: [1, 2, 3], learningRate: [0.1, 0.001, 0.01] };
const SIX = [
  done(0, 2.5),
  done(1, 2.3),
  done(2, 2.1),
  done(4, 2.4),
  done(5, 9),
  { index: 6, step: 3, diverged: true },
];

describe('the plot', () => {
  it('is a heat map where two settings vary, a cell for each model, and below it the curve across', () => {
    const svg = plotSweep(sweepOf(GRID, SIX));
    for (const loss of ['2.500', '2.300', '2.100', '2.400', '9.000'])
      expect(svg).toContain(`>${loss}</text>`);
    expect(svg).toContain('× diverged   empty: not trained');
    expect(svg.match(/class="bad"/g)).toHaveLength(3); // in the curve too, with the one that is cut off
    expect(svg.match(/<rect [^>]*class="best"/g)).toHaveLength(1);
    expect(svg.match(/<circle class="best"/g)).toHaveLength(2); // and in the legend
    const labels = [...svg.matchAll(/text-anchor="middle">([^<]*)</g)].map((match) => match[1]);
    expect(labels).toEqual(['0.001', '0.01', '0.1', '0.001', '0.01', '0.1']); // rising, whatever the order on the command line
    expect(svg).toContain('≥ 3.296'); // ln 27: no better than guessing
  });

  it.each([1, 3])('has a panel of dots for each setting where %i vary', (count) => {
    const names = AXIS_NAMES.slice(0, count);
    const axes = Object.fromEntries(names.map((name) => [name, [0.1, 0.2]]));
    const svg = plotSweep(sweepOf(axes, [done(0, 2.5), done(1, 2.4)]));
    expect(svg.match(/>loss<\/text>/g)).toHaveLength(count);
    expect(svg.match(/<circle class="best"/g)).toHaveLength(count + 1); // and in the legend
  });

  it('has the verdict, and how far the settings may be apart', () => {
    const axes = { seed: [1, 2], learningRate: [0.001, 0.01] };
    const svg = plotSweep(sweepOf(axes, [done(0, 2.5), done(1, 2.3), done(2, 2.6), done(3, 2.42)]));
    expect(svg).toContain(
      '>lr 0.01 (2.3600) is the best, ahead of lr 0.001 (2.5500) by 0.1900 (95% interval 0.0629 to 0.3171);',
    );
    expect(svg).toContain('95% interval of the distance to the best, paired by seed');
    expect(svg.match(/class="mean" d="M[\d.]+ [\d.]+V[\d.]+"/g)).toHaveLength(1);
    const one = plotSweep(sweepOf({ learningRate: [0.001, 0.01] }, [done(0, 2.5), done(1, 2.3)]));
    expect(one).toContain('with one seed that may be luck');
    expect(one).not.toContain('95% interval');
  });

  it('leaves out models that were not trained as far as the best', () => {
    const stopped: ModelResult[] = [done(0, 2.5), { index: 1, step: 20, loss: 2.2, error: 0.1 }];
    const svg = plotSweep(sweepOf(GRID, stopped));
    expect(svg).toContain('Final loss of 1 model<');
    expect(svg).not.toContain('2.200');
  });

  it('has only finite numbers, whatever was found', () => {
    const loss = fc.oneof(
      fc.double({ min: 0.5, max: 5, noNaN: true }),
      fc.double({ min: 0, max: 3e38, noNaN: true }),
    );
    const model = fc.oneof(loss, fc.constant('diverged' as const), fc.constant('missing' as const));
    const lengths = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(lengths, fc.array(model, { minLength: 1, maxLength: 40 }), (counts, found) => {
        const axes = Object.fromEntries(
          AXIS_NAMES.map((name, i) => [name, Array.from({ length: counts[i] }, (_, n) => 0.001 * 7 ** n)]),
        ) as Record<AxisName, number[]>;
        const results = found.slice(0, gridSize(axes)).flatMap((what, index): ModelResult[] => {
          if (what === 'missing') return [];
          return [what === 'diverged' ? { index, step: 3, diverged: true } : done(index, what)];
        });
        if (results.length === 0) return;
        const svg = plotSweep(sweepOf(axes, results));
        expect(svg).not.toMatch(/NaN|Infinity|undefined|null/);
        expect(svg.startsWith('<svg xmlns=')).toBe(true);
      }),
    );
  });
});

describe('the scale', () => {
  it('ends at the worst loss, at guessing, or at four times the distance of the middle one', () => {
    const end = (...losses: number[]) =>
      scaleOf(
        losses.map((loss, i) => done(i, loss)),
        3.3,
      );
    expect(end(2, 2.5, 3)).toEqual({ low: 2, high: 3, clipped: false });
    expect(end(2, 2.5, 9)).toEqual({ low: 2, high: 3.3, clipped: true });
    expect(end(2, 2.125, 3)).toEqual({ low: 2, high: 2.5, clipped: true });
    expect(end(4, 5)).toEqual({ low: 4, high: 5, clipped: false });
    expect(end(2)).toEqual({ low: 2, high: 2, clipped: false });
  });

  it('has round ticks inside it', () => {
    expect(ticks({ low: 2.41, high: 2.73, clipped: false })).toEqual([2.5, 2.6, 2.7]);
    expect(ticks({ low: 2, high: 2, clipped: false })).toEqual([2]);
    // Two losses that differ in the last bit, which no tick could tell apart.
    expect(ticks({ low: 2, high: 2 + 2 ** -51, clipped: false })).toEqual([2]);
    expect(ticks({ low: 3e38, high: 3e38 + 2 ** 76, clipped: false })).toEqual([3e38]);
    const low = fc.double({ min: 1e-30, max: 1e38, noNaN: true });
    fc.assert(
      fc.property(low, fc.double({ min: -17, max: 1, noNaN: true }), (from, digits) => {
        const found = ticks({ low: from, high: from + from * 10 ** digits, clipped: false });
        expect(found.length).toBeGreaterThan(0);
        expect(found.length).toBeLessThanOrEqual(6);
        expect(found).toEqual([...new Set(found)].toSorted((a, b) => a - b));
      }),
    );
    expect(rampAt(partOf({ low: 2, high: 3, clipped: true }, 2))).toBe('#fde725');
    expect(rampAt(partOf({ low: 2, high: 3, clipped: true }, 7))).toBe('#440154');
  });
});

describe.skipIf(noChromium)('in a browser', () => {
  const at = useChromium();
  let page: Page;
  beforeAll(async () => {
    page = await at.browser.newPage();
  });

  it.each([
    ['a heat map', sweepOf(GRID, SIX, 'a "b" <c> & d\u0001.txt')],
    ['dots', sweepOf({ ...GRID, beta1: [0.5, 0.9] }, [...SIX, done(12, 2.2)])],
  ])('%s is well-formed, and no text lies on another or leaves the picture', async (_, sweep) => {
    const problem = await page.evaluate((svg) => {
      const parsed = new DOMParser().parseFromString(svg, 'image/svg+xml');
      return parsed.querySelector('parsererror')?.textContent ?? '';
    }, plotSweep(sweep));
    expect(problem).toBe('');
    await page.setContent(plotSweep(sweep));
    const overlapping = await page.evaluate(() => {
      const frame = document.querySelector('svg')!.getBoundingClientRect();
      const texts = [...document.querySelectorAll('svg text')].map((text) => {
        return { text: text.textContent, box: text.getBoundingClientRect() };
      });
      const found: string[] = [];
      texts.forEach(({ text, box }, i) => {
        if (box.left < frame.left || box.right > frame.right || box.bottom > frame.bottom)
          found.push(`${text} outside`);
        for (const other of texts.slice(i + 1)) {
          const apart =
            box.right <= other.box.left ||
            other.box.right <= box.left ||
            box.bottom <= other.box.top + 2 ||
            other.box.bottom <= box.top + 2;
          if (!apart) found.push(`${text} over ${other.text}`);
        }
      });
      return found;
    });
    expect(overlapping).toEqual([]);
  });

  it('follows light and dark mode', async () => {
    const paper = async (colorScheme: 'light' | 'dark') => {
      await page.emulateMedia({ colorScheme });
      await page.setContent(plotSweep(sweepOf(GRID, SIX)));
      return page.evaluate(() => getComputedStyle(document.querySelector('svg > rect')!).fill);
    };
    expect(await paper('light')).toBe('rgb(253, 252, 250)');
    expect(await paper('dark')).toBe('rgb(21, 20, 19)');
  });
});
