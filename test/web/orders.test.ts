import { describe, expect, it } from 'vitest';
import { Orders } from '../../src/web/orders.ts';

describe('Orders', () => {
  it('waits for the first order', async () => {
    const orders = new Orders();
    expect(orders.paused).toBe(true);
    const next = orders.next();
    orders.give('pause');
    orders.give('go');
    expect(await next).toBe('go');
  });

  it('goes on until it is told to pause, and the signal tells', async () => {
    const orders = new Orders();
    orders.give('go');
    const { signal } = orders;
    expect([await orders.next(), await orders.next()]).toEqual(['go', 'go']);
    expect(signal.aborted).toBe(false);
    orders.give('pause');
    expect(signal.aborted).toBe(true);
    expect([orders.paused, orders.signal.aborted]).toEqual([true, false]);
  });

  it('pauses after one step, also while it goes on', async () => {
    const orders = new Orders();
    orders.give('go');
    orders.give('step');
    expect(await orders.next()).toBe('step');
    expect(orders.paused).toBe(true);
  });
});
