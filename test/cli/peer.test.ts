import { describe, expect, it } from 'vitest';
import { lossBars } from '../../src/cli/peer.ts';

describe('how far the losses of another implementation may lie', () => {
  it('is relative where they are large', () => {
    const [small, large] = lossBars(Float64Array.of(0.5, 26));
    expect(small).toBe(1e-4);
    expect(large).toBeCloseTo(26e-4, 12);
  });

  it('is as far as f32 itself has drifted, and never more for the first loss', () => {
    const losses = Float64Array.of(3, 3, 3, 3);
    const bars = lossBars(losses, Float64Array.of(4, 3, 2.5, 3));
    expect(bars[0]).toBeCloseTo(3e-4, 12);
    expect(bars[1]).toBeCloseTo(3e-4, 12);
    expect(bars[2]).toBeCloseTo(3e-4 + 4, 12);
    expect(bars[3]).toBeCloseTo(3e-4 + 4, 12);
  });
});
