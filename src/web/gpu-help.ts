// What to do where WebGPU is missing, for the browser in front of the reader.

/** Advice in a sentence or two: by how the page came, and by the browser's own name for itself. */
export function gpuHelp(userAgent: string, secure = isSecureContext): string {
  if (!secure) {
    return 'This page came over plain http. Browsers offer WebGPU, and keep runs, only on pages that come over https or from localhost.';
  }
  const version = (name: string) => Number(new RegExp(`${name}/(\\d+)`).exec(userAgent)?.[1] ?? 0);
  const linux = /Linux/.test(userAgent) && !/Android/.test(userAgent);
  if (/iPhone|iPad/.test(userAgent)) {
    return 'On this device WebGPU comes with iOS or iPadOS 26: update the system in Settings › General › Software Update.';
  }
  if (version('Firefox') > 0) {
    if (linux) {
      return 'Firefox on Linux: set dom.webgpu.enabled to true in about:config, and load the page again; where that does not help, set gfx.webgpu.ignore-blocklist to true as well, or use Chrome.';
    }
    return version('Firefox') < 141
      ? 'Firefox has WebGPU from version 141 on Windows and 145 on a Mac with Apple silicon: update it in Menu › Help › About Firefox.'
      : 'Firefox: open about:config, see that dom.webgpu.enabled is true, and in Settings › General › Performance that hardware acceleration is on.';
  }
  if (version('Chrome') > 0) {
    if (version('Chrome') < 113) return 'Update the browser: WebGPU came with Chrome and Edge 113.';
    if (linux) {
      return 'Chrome on Linux: open chrome://flags/#enable-unsafe-webgpu, choose Enabled and relaunch; older versions need #enable-vulkan too. chrome://gpu says whether the driver (Vulkan) is found.';
    }
    return 'Chrome and Edge: in Settings › System turn on “Use graphics acceleration when available” and relaunch; chrome://gpu gives its reasons under WebGPU.';
  }
  if (/Safari/.test(userAgent)) {
    return 'Safari has WebGPU from version 26: update macOS; in older versions Settings › Feature Flags has a switch for it.';
  }
  return 'Chrome, Edge, Firefox and Safari have WebGPU in their present versions.';
}
