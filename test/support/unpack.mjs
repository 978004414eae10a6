// Unpacks the archives of @sparticuz/chromium, once, into node_modules/.cache.
// Plain JavaScript: software-vulkan.mjs is loaded by Node itself (--import), Node 20 included.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/microgpt-webgpu', import.meta.url));
const BLOCK = 512; // tar's record size, in bytes

/** The `bin` directory of @sparticuz/chromium, or undefined where the package is not installed. */
export function chromiumPackage() {
  try {
    const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium'); // <package>/build/cjs/index.cjs
    const root = join(dirname(entry), '..', '..');
    const bin = join(root, 'bin');
    if (!existsSync(join(bin, 'swiftshader.tar.br'))) return undefined;
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    return { bin, version: String(version) };
  } catch {
    return undefined;
  }
}

/**
 * Unpacks archives of the package (.tar.br or .br) into one directory and returns it.
 * Any number of processes may ask at once: each unpacks into a directory of its own and the first
 * to rename it wins, so a directory of that name is always complete.
 */
export function unpackOnce(
  /** @type {{ bin: string, version: string }} */ source,
  /** @type {string} */ name,
  /** @type {string[]} */ archives,
) {
  const target = join(CACHE, `${name}-${source.version}`);
  if (existsSync(target)) return target;
  mkdirSync(CACHE, { recursive: true });
  const temporary = mkdtempSync(`${target}.tmp-`);
  try {
    for (const archive of archives) {
      const bytes = brotliDecompressSync(readFileSync(join(source.bin, archive)));
      if (archive.endsWith('.tar.br')) writeTar(bytes, temporary);
      else writeFileSync(join(temporary, archive.replace(/\.br$/, '')), bytes, { mode: 0o755 });
    }
    chmodSync(temporary, 0o755); // mkdtemp's 0700 would shut out the other users of a shared checkout
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    if (!existsSync(target)) throw error; // else another process was first
  }
  return target;
}

/** Writes the regular files of a ustar archive; it has no links and no long names. */
function writeTar(/** @type {Buffer} */ archive, /** @type {string} */ directory) {
  const text = (/** @type {number} */ start, /** @type {number} */ length) =>
    archive.toString('latin1', start, start + length).split('\0', 1)[0] ?? '';
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0;) {
    const path = text(at, 100);
    const size = Number.parseInt(text(at + 124, 12), 8);
    const regular = text(at + 156, 1) === '0' || text(at + 156, 1) === '';
    if (regular) {
      const file = join(directory, path);
      mkdirSync(dirname(file), { recursive: true });
      // Shared libraries are mapped from here: the archive's own modes may lack the x bit.
      writeFileSync(file, archive.subarray(at + BLOCK, at + BLOCK + size), { mode: 0o755 });
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
}
