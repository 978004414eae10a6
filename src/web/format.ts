// Figures as the page shows them.

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const TICK = new Intl.NumberFormat('en', { maximumFractionDigits: 6 });
const THREE_DIGITS = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

/** `1,000` */
export function count(n: number): string {
  return WHOLE.format(n);
}

/** `1 document`, `2,958 documents` */
export function counted(n: number, what: string): string {
  return `${count(n)} ${what}${n === 1 ? '' : 's'}`;
}

/** Nats per token: `2.3456`; of a training that diverges `1.23e+7` */
export function lossText(loss: number): string {
  return loss < 10_000 ? loss.toFixed(4) : loss.toExponential(2);
}

/** `0.0123`, `56.7`, `1,230` */
export function rate(perSecond: number): string {
  return perSecond < 100 ? THREE_DIGITS.format(perSecond) : WHOLE.format(perSecond);
}

/** `0:07`, `12:34`, `3:25:45` */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const s = String(whole % 60).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${s}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${s}`;
}

/** exp(loss): a choice among so many equally likely tokens would be as hard. `1.02`, `9.4`, `1,234` */
export function perplexity(loss: number): string {
  const n = Math.exp(loss);
  if (n >= 100) return n < 1e6 ? count(n) : 'over a million';
  return n.toFixed(n < 1.95 ? 2 : 1);
}

/** Of `all` samples, `copies` are in the text. */
export function noveltyOf(all: number, copies: number): string {
  if (copies === 0) return `All ${all} are new: none is in the text.`;
  if (copies === all) return `All ${all} are in the text: the model repeats it.`;
  const [news, others] = [all - copies === 1 ? 'is' : 'are', copies === 1 ? 'other is' : 'others are'];
  return `${all - copies} of the ${all} ${news} new; the ${others} in the text.`;
}

/** What tokens are called: `letters` where all of them are. */
export function kindOf(chars: readonly string[]): 'letters' | 'characters' {
  return chars.every((char) => /\p{L}/u.test(char)) ? 'letters' : 'characters';
}

/** On an axis: `0.5`, `1,500`, `2.5M`, `1e30`. */
export function tick(x: number): string {
  if (Math.abs(x) >= 1e9) return Number(x.toPrecision(3)).toExponential().replace('e+', 'e');
  return Math.abs(x) < 1e6 ? TICK.format(x) : `${TICK.format(x / 1e6)}M`;
}

/** Three digits, as short as they get: `0.0123`, `1.2e-5`, `1,230`. */
export function brief(x: number): string {
  const size = Math.abs(x);
  if (size >= 1000) return WHOLE.format(x);
  return size > 0 && size < 1e-3 ? x.toExponential(1) : String(Number(x.toPrecision(3)));
}

/** `+0.0123`, `−0.0123` */
export function signed(x: number): string {
  return `${x < 0 ? '−' : '+'}${brief(Math.abs(x))}`;
}

/** `12.3%` */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}
