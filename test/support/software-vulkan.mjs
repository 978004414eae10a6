// Gives Dawn a Vulkan adapter on a Linux machine that has none: SwiftShader, from @sparticuz/chromium.
// Importing this module is enough, provided that it happens before `webgpu` is loaded. Two ways in:
//   - vitest imports it in every test process (setupFiles in vite.config.ts);
//   - a subprocess is started with NODE_OPTIONS=--import <softwareVulkanUrl>, for the CLI's tests.
// A real adapter is never overridden: see `adapterChoice`.

import { pollPatiently } from './patient-polls.mjs';
import { adapterChoice, loadSoftwareVulkan } from './swiftshader.mjs';

/** For NODE_OPTIONS=--import … in a subprocess. */
export const softwareVulkanUrl = import.meta.url;

if (adapterChoice() === 'software') {
  loadSoftwareVulkan();
  pollPatiently();
}
