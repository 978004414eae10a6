// Where training text comes from: the built-in names, microgpt.py's file, a file, or standard input.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { BUILTIN_DOCUMENTS } from '../data/builtin-names.ts';
import { readDocuments } from '../data/documents.ts';
import { NAMES_SHA256, NAMES_URL } from '../data/names-file.ts';
import { DataError } from '../util/errors.ts';
import { otherThanFile, readRegular, reasonOf, writeFilesAtomically } from './files.ts';

/** The documents of `--data source`. `note` is told of a download. Throws DataError. */
export async function readSource(source: string, note: (text: string) => void): Promise<string[]> {
  switch (source) {
    case 'builtin':
      return [...BUILTIN_DOCUMENTS];
    case 'names': {
      const file = { url: NAMES_URL, sha256: NAMES_SHA256, directory: cacheDirectory(), name: 'names.txt' };
      return readDocuments(await fetchOnce(file, note), 'names.txt');
    }
    case '-':
      return readDocuments(await readStandardInput(note), 'standard input');
    default:
      return readDocuments(await readTextFile(source, note), source);
  }
}

/** The file has 228,145 bytes. */
const MOST_NAMES = 2 ** 20;

export interface RemoteFile {
  readonly url: string;
  readonly sha256: string;
  /** Where it is kept, made if need be. */
  readonly directory: string;
  readonly name: string;
}

/**
 * The file from the cache, or else from the network, then kept. What is not the expected content is never used: a
 * damaged file in the cache is fetched anew. Throws DataError where the right content cannot be had.
 */
export async function fetchOnce(file: RemoteFile, note: (text: string) => void): Promise<Uint8Array> {
  const path = join(file.directory, file.name);
  const cached = await readRegular(path, MOST_NAMES).catch(() => undefined);
  if (cached !== undefined && sha256(cached) === file.sha256) return cached;
  note(`${cached === undefined ? '' : `${path} is damaged: `}fetching ${file.url}`);
  const bytes = await download(file.url);
  const got = sha256(bytes);
  if (got !== file.sha256) {
    throw new DataError(
      `--data names: ${file.url} gave ${bytes.length} bytes with sha256 ${got}, expected ${file.sha256}. ` +
        'The file has changed, or something in between altered it: use --data FILE with your own copy, or --data builtin.',
    );
  }
  try {
    await mkdir(file.directory, { recursive: true });
    await writeFilesAtomically(file.directory, { [file.name]: bytes });
  } catch (error) {
    note(`${path}: not kept for the next time: ${reasonOf(error)}`);
  }
  return bytes;
}

/** microgpt's part of the user's cache: $XDG_CACHE_HOME, or the platform's own place. */
export function cacheDirectory(env = process.env, platform = process.platform, home = homedir()): string {
  const xdg = env['XDG_CACHE_HOME'];
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'microgpt'); // the standard ignores relative ones
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'microgpt');
  if (platform === 'win32')
    return join(env['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local'), 'microgpt', 'Cache');
  return join(home, '.cache', 'microgpt');
}

async function download(url: string): Promise<Uint8Array> {
  let problem: string;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(30_000) });
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    problem = `the server answered ${response.status} ${response.statusText}`.trim();
  } catch (error) {
    problem = networkProblem(error);
  }
  throw new DataError(
    `--data names: cannot fetch ${url}: ${problem}.${unusedProxy()} ` +
      'Offline, use --data FILE with a local copy of that file, or --data builtin.',
  );
}

/** Node's fetch takes no notice of a proxy unless it is told to. */
export function unusedProxy(env = process.env, node = process.versions.node): string {
  const name = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'].find(
    (key) => (env[key] ?? '') !== '',
  );
  const [major, minor] = node.split('.').map(Number);
  const able = major >= 24 || (major === 22 && minor >= 21);
  if (name === undefined) return '';
  // Node knows HTTPS_PROXY, in capitals or not, and no ALL_PROXY.
  const known = name.toUpperCase() === 'HTTPS_PROXY';
  if (known && able && env['NODE_USE_ENV_PROXY'] === '1') return '';
  const settings = `${known ? '' : 'HTTPS_PROXY and '}NODE_USE_ENV_PROXY=1`;
  const how = able
    ? `${settings} ${known ? 'makes' : 'make'} Node use it`
    : `Node uses it from 22.21 on, with ${settings}`;
  return ` The proxy of ${name} was not used: ${how}.`;
}

/** fetch says "fetch failed" and hides the reason in its cause, one for every address that it tried. */
function networkProblem(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no answer within 30 seconds';
  const { cause } = error;
  if (cause instanceof AggregateError && cause.errors.length > 0) return networkProblem(cause.errors[0]);
  return cause instanceof Error ? networkProblem(cause) : error.message;
}

/** A JavaScript string can be no longer than this in Node. */
const MOST_TEXT = 2 ** 29;
/** A pipe that has given nothing for so long, in milliseconds, is said to be waited for. */
const PATIENCE = 2000;

/** A file, or a pipe such as a shell makes for `<(command)`. */
async function readTextFile(path: string, note: (text: string) => void): Promise<Uint8Array> {
  try {
    const stats = await stat(path);
    const other = otherThanFile(stats);
    if (other !== undefined && !stats.isFIFO()) throw new Error(other);
    if (stats.size > MOST_TEXT) throw tooLong(path);
    return await readStream(createReadStream(path), path, note);
  } catch (error) {
    if (error instanceof DataError) throw error;
    const shown = path === '' ? '""' : path;
    throw new DataError(
      `${shown}: ${reasonOf(error)}. Expected a text file with one document on each line, ` +
        'or one of: builtin, names, - (standard input).',
      { cause: error },
    );
  }
}

async function readStandardInput(note: (text: string) => void): Promise<Uint8Array> {
  if (process.stdin.isTTY) note('reading the text from the terminal: a document a line, Ctrl-D ends it');
  try {
    return await readStream(process.stdin, 'standard input', note);
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(`standard input: ${reasonOf(error)}.`, { cause: error });
  }
}

async function readStream(
  stream: AsyncIterable<Uint8Array>,
  where: string,
  note: (text: string) => void,
): Promise<Uint8Array> {
  const waiting = setTimeout(() => note(`waiting for the text from ${where}`), PATIENCE);
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of stream) {
      clearTimeout(waiting);
      chunks.push(chunk);
      size += chunk.length;
      if (size > MOST_TEXT) throw tooLong(where);
    }
  } finally {
    clearTimeout(waiting);
  }
  return Buffer.concat(chunks);
}

function tooLong(where: string): DataError {
  return new DataError(
    `${where}: expected at most ${MOST_TEXT / 2 ** 20} MiB of text. Train on a part of it.`,
  );
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
