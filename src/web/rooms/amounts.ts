// Amounts as the list of runs shows them.

/** `512 bytes`, `12.3 kB`, `4.56 MB` */
export function bytes(n: number): string {
  if (n < 1000) return `${n} bytes`;
  const [value, unit] = n < 1e6 ? [n / 1e3, 'kB'] : n < 1e9 ? [n / 1e6, 'MB'] : [n / 1e9, 'GB'];
  return `${value < 1000 ? Number(value.toPrecision(3)) : Math.round(value)} ${unit}`;
}

const AGO = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const DATE = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

/** `now`, `5 minutes ago`, `3 hours ago`, then the date. Times in milliseconds. */
export function when(time: number, now: number): string {
  const minutes = Math.round((time - now) / 60_000);
  if (minutes > -1) return 'just now';
  if (minutes > -60) return AGO.format(minutes, 'minute');
  if (minutes > -24 * 60) return AGO.format(Math.round(minutes / 60), 'hour');
  return DATE.format(time);
}
