// Keeps the built page in the browser, so that it works offline after the first visit, and serves it with the headers
// that isolate it: SharedArrayBuffer, which the threads of the CPU engine share, wants them, and a static host sets none.
//
// The build puts in the list of its files with their SHA-256s: another build is another script, which installs beside
// the one at work and takes over once no tab is left that runs the old files, or when the page asks it to.

interface Worker extends EventTarget {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
}
interface ExtendedEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface RequestEvent extends ExtendedEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

/** Of the built files, by their paths from the page's folder; put in by the build. */
declare const BUILT_FILES: Readonly<Record<string, string>>;
/** Tells this build from another. */
declare const BUILD_ID: string;

const worker = self as unknown as Worker;
const { scope } = worker.registration;
/** Caches belong to the whole host, on which the page may stand in other folders too. */
const MINE = `microgpt ${scope} `;
const CACHE = MINE + BUILD_ID;
const FILES = BUILT_FILES;
const INDEX = 'index.html';

const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** The same with the headers. */
async function isolated(response: Response): Promise<Response> {
  const headers = { 'Content-Type': response.headers.get('Content-Type') ?? '', ...HEADERS };
  return new Response(await response.arrayBuffer(), { status: response.status, headers });
}

/** All files, or none: one that is not of this build, because the host is just being updated, ends it. */
async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  await Promise.all(
    Object.entries(FILES).map(async ([path, sha256]) => {
      const url = new URL(path, scope);
      const response = await isolated(await fetch(url, { cache: 'no-cache' }));
      const body = await response.clone().arrayBuffer();
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
      const got = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
      if (got !== sha256) throw new Error(`${path}: expected ${sha256}, got ${got} (${response.status})`);
      await cache.put(url, response);
    }),
  );
}

async function activate(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name.startsWith(MINE) && name !== CACHE) await caches.delete(name);
  }
  await worker.clients.claim();
}

async function answer(request: Request, path: string): Promise<Response> {
  const cached = await (await caches.open(CACHE)).match(new URL(path, scope));
  return cached ?? isolated(await fetch(request));
}

worker.addEventListener('install', (event) => (event as ExtendedEvent).waitUntil(install()));
worker.addEventListener('activate', (event) => (event as ExtendedEvent).waitUntil(activate()));
worker.addEventListener('message', ({ data }: Event & { data?: unknown }) => {
  if (data === 'take-over') void worker.skipWaiting();
});
worker.addEventListener('fetch', (event) => {
  const { request, respondWith } = event as RequestEvent;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || !(origin + pathname).startsWith(scope)) return;
  const path = (origin + pathname).slice(scope.length) || INDEX;
  if (Object.hasOwn(FILES, path)) respondWith.call(event, answer(request, path));
});
