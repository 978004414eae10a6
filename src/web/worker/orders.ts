// What the page wants of a run, for the run to look at between two steps.

import type { Question } from '../questions.ts';

export type Order = 'pause' | 'step' | 'go';

/** A question and whom to tell. */
export interface Ask {
  readonly id: number;
  readonly question: Question;
}

/** One waits for them at a time: the run. */
export class Orders {
  /** Steps a second at most; 0: as fast as it goes. */
  #pace = 0;
  #order: Order = 'pause';
  #asks: Ask[] = [];
  #change = new AbortController();
  #wake = () => {};

  /** A later order replaces an earlier one. */
  give(order: Order): void {
    this.#order = order;
    this.#changed();
  }

  ask(ask: Ask): void {
    this.#asks.push(ask);
    this.#wake();
  }

  get pace(): number {
    return this.#pace;
  }

  set pace(stepsPerSecond: number) {
    this.#pace = stepsPerSecond;
    this.#changed();
  }

  /** Aborted by the next order or pace. */
  get signal(): AbortSignal {
    return this.#change.signal;
  }

  get paused(): boolean {
    return this.#order === 'pause';
  }

  /** The order to train, if there is one. One step is done once: a pause follows it. */
  take(): 'step' | 'go' | undefined {
    const order = this.#order;
    if (order === 'pause') return undefined;
    if (order === 'step') this.#order = 'pause';
    return order;
  }

  /** The questions that wait, oldest first; they are taken. */
  takeAsks(): Ask[] {
    return this.#asks.splice(0);
  }

  /** Waits while there is neither an order to train nor a question. */
  async next(): Promise<void> {
    while (this.paused && this.#asks.length === 0) await this.#woken();
  }

  /** Waits for questions alone. */
  async nextAsk(): Promise<void> {
    while (this.#asks.length === 0) await this.#woken();
  }

  /** Waits until an order, a pace or a question comes, at most so many milliseconds. */
  async wait(milliseconds: number): Promise<void> {
    if (this.#asks.length > 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([late, this.#woken()]);
    clearTimeout(timer);
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #changed(): void {
    this.#change.abort();
    this.#change = new AbortController();
    this.#wake();
  }
}
