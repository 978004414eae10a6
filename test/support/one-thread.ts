// SwiftShader with one thread, for tests that make very many small dispatches: a dispatch then does not wait until the system
// has given it both cores. Beside another busy test 1,000 steps of 47 dispatches took 54 and 64 s instead of 85 and 139. All
// other tests keep the threads, which would show workgroups that disturb each other.

import { fileURLToPath } from 'node:url';

/** To be called before a device is opened: SwiftShader reads its settings in the working directory of the process. */
export function useOneThread(): void {
  process.chdir(fileURLToPath(new URL('one-thread', import.meta.url)));
}
