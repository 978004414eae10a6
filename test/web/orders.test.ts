import { describe, expect, it } from 'vitest';
import { Orders, type Ask } from '../../src/web/worker/orders.ts';

const ASK: Ask = { id: 1, question: { name: 'next', prefix: '', temperature: 1 } };

describe('Orders', () => {
  it('waits for the first order', async () => {
    const orders = new Orders();
    expect([orders.paused, orders.take()]).toEqual([true, undefined]);
    let waits = true;
    const next = orders.next().then(() => (waits = false));
    orders.give('pause');
    await Promise.resolve();
    expect(waits).toBe(true);
    orders.give('go');
    await next;
    expect(orders.take()).toBe('go');
  });

  it('goes on until it is told to pause, and the signal tells', () => {
    const orders = new Orders();
    orders.give('go');
    const { signal } = orders;
    expect([orders.take(), orders.take()]).toEqual(['go', 'go']);
    expect(signal.aborted).toBe(false);
    orders.give('pause');
    expect(signal.aborted).toBe(true);
    expect([orders.paused, orders.signal.aborted]).toEqual([true, false]);
  });

  it('pauses after one step, also while it goes on', () => {
    const orders = new Orders();
    orders.give('go');
    orders.give('step');
    expect(orders.take()).toBe('step');
    expect(orders.take()).toBeUndefined();
  });

  it('wakes for a question and stays paused', async () => {
    const orders = new Orders();
    const next = orders.next();
    orders.ask(ASK);
    await next;
    expect(orders.paused).toBe(true);
    expect([orders.takeAsks(), orders.takeAsks()]).toEqual([[ASK], []]);
    const asked = orders.nextAsk();
    orders.give('go');
    orders.ask(ASK);
    await asked;
    expect(orders.takeAsks()).toEqual([ASK]);
  });

  it('lets a question into a training without ending it, and a new pace only by ending it', () => {
    const orders = new Orders();
    orders.give('go');
    const { signal } = orders;
    orders.ask(ASK);
    expect(signal.aborted).toBe(false);
    orders.pace = 5;
    expect([signal.aborted, orders.pace, orders.take()]).toEqual([true, 5, 'go']);
  });

  it('waits for its time or for a change, whichever comes first', async () => {
    const orders = new Orders();
    orders.give('go');
    const start = performance.now();
    await orders.wait(20);
    expect(performance.now() - start).toBeGreaterThan(15);
    const long = orders.wait(60_000);
    orders.give('pause');
    await long;
    orders.ask(ASK);
    await orders.wait(60_000);
    expect(performance.now() - start).toBeLessThan(30_000);
  });
});
