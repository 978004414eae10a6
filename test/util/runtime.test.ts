import { describe, expect, it } from 'vitest';
import { power } from '../../src/util/power.ts';
import { runtimeName } from '../../src/util/runtime.ts';

describe('runtimeName', () => {
  const engine = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)';
  it.each([
    [`${engine} Chrome/147.0.0.0 Safari/537.36`, 'Chrome 147'],
    [`${engine} HeadlessChrome/123.0.0.0 Safari/537.36`, 'Chrome 123'],
    [`${engine} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0`, 'Edge 126'],
    [`${engine} Version/26.1 Safari/605.1.15`, 'Safari 26'],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0', 'Firefox 153'],
    ['Deno/2.9.1', 'Deno 2'],
    ['Node.js/24', 'Node 24'],
    [undefined, 'Node 24'],
  ])('of %s is %s', (agent, name) => {
    expect(runtimeName(agent, '24.21.0')).toBe(name);
  });

  it('is that of this process', () => {
    expect(runtimeName()).toBe(`Node ${process.versions.node.split('.')[0]}`);
  });
});

describe('power', () => {
  it.each([0.85, 0.9, 0.99, 0.999, 1 - 2 ** -30])('of %d is `**` but for rounding', (base) => {
    for (const exponent of [0, 1, 2, 3, 50, 999, 1_000_000]) {
      // Relative: half a unit in the last place for each of the squarings' factors.
      const expected = base ** exponent;
      expect(Math.abs(power(base, exponent) - expected)).toBeLessThanOrEqual(exponent * 2 ** -53 * expected);
    }
  });
});
