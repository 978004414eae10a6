import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Output, type OutputOptions } from '../../src/cli/output.ts';
import { duration, ProgressLines, rate } from '../../src/cli/progress-lines.ts';
import type { Progress } from '../../src/train/progress.ts';

/** An output and what has been printed on it. */
function terminal(options: OutputOptions, { isTTY = true, columns = 120 } = {}) {
  const stdout = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY, columns });
  const stderr = new PassThrough({ encoding: 'utf8' });
  const read = (stream: PassThrough) => (stream.read() as string | null) ?? '';
  const output = new Output(options, { stdout, stderr });
  return { output, stdout, out: () => read(stdout), err: () => read(stderr) };
}

const progress: Progress = {
  step: 250,
  steps: 1000,
  loss: 2.34567,
  smoothedLoss: 2.4,
  stepsPerSecond: 1234,
  tokensPerSecond: 8641,
  secondsLeft: 61,
};
const chunk = { from: 248, step: 250, losses: Float64Array.of(2.5, 2.34567) };

describe('progress on a terminal', () => {
  it('is one line that is rewritten', () => {
    const { output, out } = terminal({});
    const lines = new ProgressLines(output, 1000);
    lines.show(chunk, progress);
    const line =
      'step  250 / 1000 | loss 2.3457 | smoothed 2.4000 | 1.23k steps/s | 1:01 left | 8.64k tokens/s';
    expect(out()).toBe(`\r${line}\x1b[K`);
    lines.show(chunk, progress);
    output.line('next');
    expect(out()).toBe(`\r${line}\x1b[K\nnext\n`);
  });

  it('fits into a narrow one', () => {
    for (const columns of [80, 40, 10]) {
      const { output, out } = terminal({}, { columns });
      new ProgressLines(output, 1000).show(chunk, progress);
      const whole = 'step 250/1000 | loss 2.3457 | avg 2.4000 | 1.23k steps/s | 1:01 | 8.64k tok/s';
      expect(out()).toBe(`\r${whole.slice(0, columns - 1)}\x1b[K`);
    }
  });

  it('takes 80 columns where the terminal says 0', () => {
    const { output } = terminal({}, { columns: 0 });
    expect(output.columns).toBe(80);
  });

  it('ends its line before a note on standard error', () => {
    const { output, out, err } = terminal({});
    output.status('working');
    output.note('stopping');
    expect(out()).toBe('\rworking\x1b[K\n');
    expect(err()).toBe('stopping\n');
  });
});

describe('progress in a pipe', () => {
  it('is a line every twentieth of the run and at its end, with the mean since the last one', () => {
    const { output, out } = terminal({}, { isTTY: false });
    const lines = new ProgressLines(output, 50); // every 3 steps
    lines.show({ from: 0, step: 4, losses: Float64Array.of(1, 2, 6, 4) }, progress);
    expect(out()).toBe('step    3 /   50 | loss 6.0000 | mean 3.0000\n');
    lines.show({ from: 4, step: 7, losses: Float64Array.of(5, 9, 1) }, progress);
    expect(out()).toBe('step    6 /   50 | loss 9.0000 | mean 6.0000\n');
    lines.show({ from: 48, step: 50, losses: Float64Array.of(4, 3) }, progress);
    expect(out()).toBe('step   50 /   50 | loss 3.0000 | mean 2.6667\n');
  });

  it('is a record a step with --json, on a terminal too', () => {
    const { output, out } = terminal({ json: true });
    new ProgressLines(output, 1000).show(chunk, progress);
    expect(out()).toBe('{"type":"step","step":249,"loss":2.5}\n{"type":"step","step":250,"loss":2.34567}\n');
  });

  it('is nothing with --quiet', () => {
    const { output, out } = terminal({ quiet: true });
    new ProgressLines(output, 1).show(chunk, progress);
    expect(out()).toBe('');
  });
});

describe('Output', () => {
  it('prints nothing more once the reader is gone', async () => {
    const { output, stdout, out } = terminal({});
    stdout.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    await new Promise((resolve) => stdout.once('close', resolve));
    expect(output.closed.aborted).toBe(true);
    output.line('lost');
    output.status('lost');
    expect(out()).toBe('');
    await output.drained();
  });

  it('waits for a reader that is slower', async () => {
    const { output, stdout } = terminal({});
    output.line('x'.repeat(100_000));
    expect(stdout.writableNeedDrain).toBe(true);
    let drained = false;
    const waiting = output.drained().then(() => (drained = true));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(drained).toBe(false);
    stdout.resume();
    await waiting;
  });
});

describe('figures', () => {
  it.each([
    [0, '0.00'],
    [0.01234, '0.0123'],
    [56.78, '56.8'],
    [999.4, '999'],
    [999.5, '1.00k'],
    [12345, '12.3k'],
    [999_499, '999k'],
    [999_500, '1.00M'],
    [25_000_000, '25.0M'],
  ])('rate %d is %s', (x, text) => expect(rate(x)).toBe(text));

  it.each([
    [0, '0:00'],
    [0.2, '0:01'],
    [59.5, '1:00'],
    [3599, '59:59'],
    [3600, '1:00:00'],
    [12345, '3:25:45'],
  ])('duration %d is %s', (x, text) => expect(duration(x)).toBe(text));
});
