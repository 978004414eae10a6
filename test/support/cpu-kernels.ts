// Loads the CPU kernels, so that tests can make engines without waiting.

import { loadKernels } from '../../src/cpu/kernels.ts';

await loadKernels();
