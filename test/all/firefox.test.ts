// The page in the machine's own Firefox, whose WebGPU is wgpu.

import { launchFirefox, noFirefox } from './support/browsers.ts';
import { checkPage } from './support/page-cases.ts';

const skip = noFirefox();
if (skip !== '') console.warn(`The tests in Firefox are SKIPPED: ${skip}`);
checkPage('Firefox', skip, launchFirefox);
