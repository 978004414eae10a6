// A room's end of its worker.

import type { RoomCommand, RoomMessage } from './messages.ts';

export interface RoomWorker {
  send(command: RoomCommand): void;
  /** Whatever it does. */
  end(): void;
}

/** Starts a worker that waits for its job: a press finds it loaded. */
export function openRoomWorker(receive: (message: RoomMessage) => void): RoomWorker {
  const worker = new Worker(new URL('../room-worker/room-worker.ts', import.meta.url), { type: 'module' });
  let ended = false;
  worker.addEventListener('message', ({ data }: MessageEvent<readonly RoomMessage[]>) => {
    for (const message of data) if (!ended) receive(message);
  });
  worker.addEventListener('error', ({ message }) => {
    if (ended) return;
    const why = message || 'it could not be loaded. Load the page again.';
    receive({ type: 'error', error: 'WorkerError', message: `The worker stopped: ${why}` });
  });
  return {
    send: (command) => worker.postMessage(command, { transfer: [] }),
    end() {
      ended = true;
      worker.terminate();
    },
  };
}
