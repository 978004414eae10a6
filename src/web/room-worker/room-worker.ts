// The worker of the rooms: does the one job that it is given. What a job needs is loaded with it.

import type { RoomCommand, RoomMessage } from '../rooms/messages.ts';
import { errorMessage } from '../worker/errors.ts';

export type PostRoom = (...messages: RoomMessage[]) => void;

const stop = new AbortController();
const post: PostRoom = (...messages) => self.postMessage(messages, { transfer: [] });
/** Of a sweep. */
let look: ((index: number) => void) | undefined;

self.addEventListener('message', ({ data }: MessageEvent<RoomCommand>) => {
  obey(data).catch((error: unknown) => post({ type: 'error', ...errorMessage(error) }));
});

async function obey(command: RoomCommand): Promise<void> {
  switch (command.type) {
    case 'verify': {
      const { verifyHere } = await import('./verify.ts');
      await verifyHere(command, post);
      break;
    }
    case 'measure': {
      const { measureHere } = await import('./measure.ts');
      await measureHere(command, stop.signal, post);
      break;
    }
    case 'sweep': {
      const { Sweeping } = await import('./sweep.ts');
      const sweeping = await Sweeping.prepare(command, post);
      look = (index) => sweeping.look(index);
      await sweeping.run(stop.signal);
      break;
    }
    case 'stop':
      stop.abort();
      break;
    case 'look':
      look?.(command.index);
  }
}
