// Prints the adapter that this process gets, as JSON: { name, software } or { reason }.
// A process of its own, because a broken driver can take its process down.

import './software-vulkan.mjs'; // as MICROGPT_TEST_ADAPTER says
const { create, globals } = await import('webgpu');

Object.assign(globalThis, globals);
const gpu = create([]);
const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
const found =
  adapter === null
    ? { reason: 'Dawn found no adapter.' }
    : {
        name: `${adapter.info.device} (${adapter.info.description})`,
        software: adapter.info.isFallbackAdapter,
      };
console.log(JSON.stringify(found));
