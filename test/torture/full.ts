/** `npm run torture` runs the full suites, `npm test` a bounded version of each. */
export const FULL = import.meta.env.MODE === 'torture';
