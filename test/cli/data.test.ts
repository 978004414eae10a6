import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheDirectory, fetchOnce, unusedProxy, type RemoteFile } from '../../src/cli/data.ts';
import { DataError } from '../../src/util/errors.ts';
import { temporaryDirectory } from './cli.ts';

const TEXT = 'anna\nbob\n';
const SHA256 = createHash('sha256').update(TEXT).digest('hex');

describe('fetchOnce', () => {
  let server: Server;
  let base: string;
  let requests = 0;

  beforeAll(async () => {
    server = createServer((request, response) => {
      requests++;
      if (request.url === '/names.txt') response.end(TEXT);
      else if (request.url === '/changed.txt') response.end('<html>Please log in</html>');
      else if (request.url === '/cut.txt') {
        response.writeHead(200, { 'content-length': 100 });
        response.write('anna');
        setTimeout(() => response.destroy(), 20);
      } else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  const file = (directory: string, path = '/names.txt'): RemoteFile => ({
    url: `${base}${path}`,
    sha256: SHA256,
    directory,
    name: 'names.txt',
  });

  it('fetches a file once and keeps it', async () => {
    const cache = join(temporaryDirectory(), 'deep', 'cache');
    const notes: string[] = [];
    const before = requests;
    for (let i = 0; i < 3; i++) {
      const bytes = await fetchOnce(file(cache), (note) => notes.push(note));
      expect(new TextDecoder().decode(bytes)).toBe(TEXT);
    }
    expect(requests - before).toBe(1);
    expect(notes).toEqual([`fetching ${base}/names.txt`]);
    expect(readdirSync(cache)).toEqual(['names.txt']);
  });

  it('fetches a damaged file anew', async () => {
    const cache = temporaryDirectory();
    const path = join(cache, 'names.txt');
    writeFileSync(path, TEXT.slice(0, 5));
    const notes: string[] = [];
    await fetchOnce(file(cache), (note) => notes.push(note));
    expect(notes).toEqual([`${path} is damaged: fetching ${base}/names.txt`]);
    expect(readFileSync(path, 'utf8')).toBe(TEXT);
  });

  it.each([
    [
      '/changed.txt',
      /gave 26 bytes with sha256 [0-9a-f]{64}, expected [0-9a-f]{64}\. The file has changed, or something in between altered it/,
    ],
    ['/missing.txt', /the server answered 404 Not Found\. Offline, use --data FILE with a local copy/],
    ['/cut.txt', /cannot fetch .*\. Offline, use --data FILE/],
  ])('refuses what %s gives, and keeps nothing', async (path, message) => {
    const cache = temporaryDirectory();
    const fetched = fetchOnce(file(cache, path), () => {});
    await expect(fetched).rejects.toThrow(DataError);
    await expect(fetched).rejects.toThrow(message);
    expect(readdirSync(cache)).toEqual([]);
  });

  it('says what to do offline', async () => {
    const cache = temporaryDirectory();
    const unused = createServer();
    await new Promise<void>((resolve) => unused.listen(0, '127.0.0.1', resolve));
    const { port } = unused.address() as AddressInfo;
    await new Promise((resolve) => unused.close(resolve)); // now nobody listens there
    const offline = { ...file(cache), url: `http://127.0.0.1:${port}/names.txt` };
    await expect(fetchOnce(offline, () => {})).rejects.toThrow(
      `--data names: cannot fetch http://127.0.0.1:${port}/names.txt: connect ECONNREFUSED 127.0.0.1:${port}. ` +
        `Offline, use --data FILE with a local copy of that file, or --data builtin.`,
    );
  });

  it('goes without a cache where none can be written', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'file'), '');
    const notes: string[] = [];
    const bytes = await fetchOnce(file(join(directory, 'file', 'cache')), (note) => notes.push(note));
    expect(new TextDecoder().decode(bytes)).toBe(TEXT);
    expect(notes.at(-1)).toMatch(
      /names\.txt: not kept for the next time: a part of the path is not a directory/,
    );
  });
});

describe('unusedProxy', () => {
  it.each([
    [{}, '20.19.0', ''],
    [{ HTTPS_PROXY: '' }, '20.19.0', ''],
    [{ NODE_USE_ENV_PROXY: '1', https_proxy: 'http://p:1' }, '24.0.0', ''],
    [
      { HTTPS_PROXY: 'http://p:1' },
      '24.0.0',
      ' The proxy of HTTPS_PROXY was not used: NODE_USE_ENV_PROXY=1 makes Node use it.',
    ],
    [
      { ALL_PROXY: 'http://p:1' },
      '22.21.0',
      ' The proxy of ALL_PROXY was not used: HTTPS_PROXY and NODE_USE_ENV_PROXY=1 make Node use it.',
    ],
    [
      { https_proxy: 'http://p:1', NODE_USE_ENV_PROXY: '1' },
      '20.19.0',
      ' The proxy of https_proxy was not used: Node uses it from 22.21 on, with NODE_USE_ENV_PROXY=1.',
    ],
  ])('of %o in Node %s: %s', (env, node, expected) => expect(unusedProxy(env, node)).toBe(expected));
});

describe('cacheDirectory', () => {
  it.each([
    [{}, 'linux', '/home/u/.cache/microgpt'],
    [{ XDG_CACHE_HOME: '/var/cache/u' }, 'linux', '/var/cache/u/microgpt'],
    [{ XDG_CACHE_HOME: 'relative' }, 'linux', '/home/u/.cache/microgpt'],
    [{ XDG_CACHE_HOME: '' }, 'linux', '/home/u/.cache/microgpt'],
    [{}, 'darwin', '/home/u/Library/Caches/microgpt'],
    [{ LOCALAPPDATA: '/c/Local' }, 'win32', '/c/Local/microgpt/Cache'],
    [{}, 'win32', '/home/u/AppData/Local/microgpt/Cache'],
  ] as const)('with %o on %s is %s', (env, platform, expected) => {
    expect(cacheDirectory(env, platform, '/home/u')).toBe(expected);
  });
});
