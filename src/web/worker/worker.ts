// The worker of the page: hands its commands to the run and the run's messages to the page.

import * as v from 'valibot';
import { MicrogptError } from '../util/errors.ts';
import { COMMAND, type WorkerMessage } from './messages.ts';
import { Orders } from './orders.ts';
import { run, type Post } from './run.ts';

const orders = new Orders();
const post: Post = (...messages) => self.postMessage(messages, { transfer: [] });

self.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
  const { success, output: command, issues } = v.safeParse(COMMAND, data);
  if (!success) {
    const [issue] = issues;
    post({
      type: 'error',
      error: 'CommandError',
      message: `${v.getDotPath(issue) ?? 'command'}: ${issue.message}`,
    });
    return;
  }
  if (command.type === 'start')
    run(command.settings, orders, post).catch((error: unknown) => post(errorRecord(error)));
  else orders.give(command.type);
});

function errorRecord(error: unknown): WorkerMessage {
  if (error instanceof MicrogptError) return { type: 'error', error: error.name, message: error.message };
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  // What the memory cannot hold is a RangeError in every browser: "Array buffer allocation failed" and the like.
  const advice =
    error instanceof RangeError
      ? 'The model probably does not fit into this browser’s memory: choose a smaller one.'
      : 'This is a fault of the page, not of your settings.';
  return { type: 'error', error: name, message: `${name}: ${message}. ${advice}` };
}
