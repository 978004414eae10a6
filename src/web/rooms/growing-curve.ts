// A curve that grows for as long as it likes and keeps a bounded number of points.

/** More would not show. */
const MOST = 400;

export class GrowingCurve {
  readonly x: number[] = [];
  readonly y: number[] = [];
  /** Points offered for each that is kept. */
  #every = 1;
  #offered = 0;

  push(x: number, y: number): void {
    if (this.#offered++ % this.#every !== 0) return;
    this.x.push(x);
    this.y.push(y);
    if (this.x.length < MOST) return;
    for (const list of [this.x, this.y]) {
      for (let i = 0; i < MOST / 2; i++) list[i] = list[2 * i];
      list.length = MOST / 2;
    }
    this.#every *= 2;
  }

  clear(): void {
    this.x.length = this.y.length = this.#offered = 0;
    this.#every = 1;
  }
}
