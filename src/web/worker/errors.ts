// An error in words for the page.

import { MicrogptError } from '../../util/errors.ts';

export function errorMessage(error: unknown): { error: string; message: string } {
  if (error instanceof MicrogptError) return { error: error.name, message: error.message };
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  // What the memory cannot hold is a RangeError in every browser: "Array buffer allocation failed" and the like.
  const advice =
    error instanceof RangeError
      ? 'The model probably does not fit into this browser’s memory: choose a smaller one.'
      : 'This is a fault of the page, not of your settings.';
  return { error: name, message: `${name}: ${message}. ${advice}` };
}
