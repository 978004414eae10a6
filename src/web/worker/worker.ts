// The worker of the page: hands its commands to the run and the run's messages to the page.

import * as v from 'valibot';
import { COMMAND, type Command, type Post } from '../messages.ts';
import { errorMessage } from './errors.ts';
import { Orders } from './orders.ts';
import { begin, type Begun } from './begin.ts';
import { run } from './run.ts';
import { describeData, readSource } from './source.ts';

const orders = new Orders();
const post: Post = (messages, transfer = []) => self.postMessage(messages, { transfer });

self.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
  const { success, output: command, issues } = v.safeParse(COMMAND, data);
  if (success) {
    obey(command);
    return;
  }
  const [issue] = issues;
  const message = `${v.getDotPath(issue) ?? 'command'}: ${issue.message}`;
  post([{ type: 'error', error: 'CommandError', message }]);
});

function obey(command: Command): void {
  switch (command.type) {
    case 'look':
      readSource(command.source)
        .then((source) => post([{ ...describeData(source, command.seed), next: command.next }]))
        .catch((error: unknown) => post([{ type: 'data-error', message: errorMessage(error).message }]));
      break;
    case 'start':
      train(begin(command.settings, command.keep ?? true, post));
      break;
    case 'open':
      train(import('./reopen.ts').then(({ reopen }) => reopen(command.id, post)));
      break;
    case 'pace':
      orders.pace = command.stepsPerSecond;
      break;
    case 'ask':
      orders.ask(command);
      break;
    case 'go':
    case 'pause':
    case 'step':
      orders.give(command.type);
  }
}

function train(beginning: Promise<Begun>): void {
  run(beginning, orders, post).catch((error: unknown) => post([{ type: 'error', ...errorMessage(error) }]));
}
