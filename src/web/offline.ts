// Offline after the first visit, and isolated on every host: by the service worker (service-worker.ts), which the build
// puts beside the page.

import { signal } from '@preact/signals';
import { phase } from './state/run.ts';

/** Its file; put in by the build. While the page is written there is none: each change is to be seen at once. */
declare const SERVICE_WORKER: string;

/** A newer version of the page that waits to take over. */
export const update = signal<ServiceWorker | undefined>(undefined);

const RELOADED = 'microgpt: reloaded to be isolated';

/** Whether somebody has done something with the page. */
let touched = false;
for (const event of ['pointerdown', 'keydown', 'input']) {
  addEventListener(event, () => (touched = true), { once: true });
}

export async function goOffline(): Promise<void> {
  if (typeof SERVICE_WORKER === 'undefined' || !('serviceWorker' in navigator)) return;
  try {
    const registration = await navigator.serviceWorker.register(SERVICE_WORKER, {
      updateViaCache: 'none',
    });
    watchUpdates(registration);
    await navigator.serviceWorker.ready;
    await controlled();
  } catch {
    return; // no space, not allowed, or a host that is just being updated: it works as it did, with the network
  }
  // The page that installed it came without the headers. Once, and never from under somebody's hands.
  if (crossOriginIsolated || touched || phase.peek() !== 'idle' || reloadedBefore()) return;
  location.reload();
}

/** Waits until the service worker looks after this page. */
async function controlled(): Promise<void> {
  if (navigator.serviceWorker.controller !== null) return;
  await new Promise((resolve) => {
    navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true });
  });
}

/** Whether this tab was reloaded for it, which must not go on for ever where it does not help; from now on it was. */
function reloadedBefore(): boolean {
  try {
    if (sessionStorage.getItem(RELOADED) !== null) return true;
    sessionStorage.setItem(RELOADED, 'yes');
    return false;
  } catch {
    return true; // nowhere to note it
  }
}

function watchUpdates(registration: ServiceWorkerRegistration): void {
  const look = () => {
    // Beside one at work: the first one is no update.
    if (registration.waiting !== null && registration.active !== null) update.value = registration.waiting;
  };
  look();
  registration.addEventListener('updatefound', () => {
    registration.installing?.addEventListener('statechange', look);
  });
}

/** Has the newer version take over, and loads the page again: a run in progress is offered then. */
export function loadUpdate(): void {
  navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
  update.value?.postMessage('take-over', { transfer: [] });
}
