// SwiftShader, a Vulkan driver on the CPU, from @sparticuz/chromium: what software-vulkan.mjs and the
// test setup are made of. Importing this module changes nothing.

import { join } from 'node:path';
import { chromiumPackage, unpackOnce } from './unpack.mjs';

const RTLD_NOW = 0x2;
const RTLD_NODELETE = 0x1000;

/**
 * Which adapter the tests run on:
 *   MICROGPT_TEST_ADAPTER=native|software  decides (test/global-setup.ts sets it after a probe);
 *   VK_ICD_FILENAMES or VK_DRIVER_FILES    a driver was named on purpose: native;
 *   otherwise                              software on Linux x64 with @sparticuz/chromium, else native.
 */
export function adapterChoice(env = process.env) {
  const asked = env['MICROGPT_TEST_ADAPTER'];
  if (asked === 'native' || asked === 'software') return asked;
  if (env['VK_ICD_FILENAMES'] || env['VK_DRIVER_FILES']) return 'native';
  return softwareVulkanAvailable() ? 'software' : 'native';
}

/** True where SwiftShader can be had: x64 Linux with @sparticuz/chromium installed. */
export function softwareVulkanAvailable() {
  return process.platform === 'linux' && process.arch === 'x64' && chromiumPackage() !== undefined;
}

/** Where SwiftShader, its manifest and Vulkan's loader are. Throws where they cannot be had. */
export function softwareVulkanDirectory() {
  const source = chromiumPackage();
  if (source === undefined || !softwareVulkanAvailable()) {
    throw new Error(
      `No software Vulkan on ${process.platform}-${process.arch}: it needs Linux x64 and the npm package ` +
        `@sparticuz/chromium. Unset MICROGPT_TEST_ADAPTER to use the machine's own adapter.`,
    );
  }
  return unpackOnce(source, 'swiftshader', ['swiftshader.tar.br']);
}

/** Makes SwiftShader the Vulkan driver of this process. Throws where it cannot be had. */
export function loadSoftwareVulkan() {
  const directory = softwareVulkanDirectory();
  const driver = join(directory, 'vk_swiftshader_icd.json');
  process.env['VK_ICD_FILENAMES'] = driver;
  process.env['VK_DRIVER_FILES'] = driver; // the newer name, which the loader prefers
  // SwiftShader compiles a shader that clears its workgroup memory fifteen times slower (a matmul in 1 s instead of
  // 70 ms), and one that clamps every index by a fifth slower. No kernel reads what it has not written, or what is not its own;
  // without the two the tests would see it if one did. What is large (test/projects.ts) runs with the clamps.
  process.env['MICROGPT_DAWN_FLAGS'] ??= 'enable-dawn-features=disable_workgroup_init,disable_robustness';
  try {
    // Loaded under its soname, so that Dawn's own dlopen('libvulkan.so.1') finds it. Node always
    // throws (it is no addon) and closes the library again: NODELETE keeps it in the process.
    process.dlopen({ exports: {} }, join(directory, 'libvulkan.so.1'), RTLD_NOW | RTLD_NODELETE);
  } catch (error) {
    if (!(error instanceof Error && error.message.includes('did not self-register'))) throw error;
  }
}
