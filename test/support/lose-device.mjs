// For `node --import`, after software-vulkan.mjs: the process loses its GPU device at the submits of MICROGPT_TEST_LOSE, such as
// `5,9`, counted from its start; after the last of `5,9,unplug` there is no adapter any more.

import { globals } from 'webgpu';

const words = (process.env['MICROGPT_TEST_LOSE'] ?? '').split(',').filter(Boolean);
const unplug = words.includes('unplug');
const moments = words.filter((word) => word !== 'unplug').map(Number);

const { GPU, GPUAdapter, GPUQueue } =
  /** @type {Record<'GPU' | 'GPUAdapter' | 'GPUQueue', { prototype: any }>} */ (globals);
const { requestAdapter } = GPU.prototype;
const { requestDevice } = GPUAdapter.prototype;
const { submit } = GPUQueue.prototype;
/** @type {GPUDevice | undefined} */
let device;
let submits = 0;

GPU.prototype.requestAdapter = async function (/** @type {unknown[]} */ ...args) {
  return unplug && submits >= Math.max(...moments) ? null : Reflect.apply(requestAdapter, this, args);
};
GPUAdapter.prototype.requestDevice = async function (/** @type {unknown[]} */ ...args) {
  device = await Reflect.apply(requestDevice, this, args);
  return device;
};
GPUQueue.prototype.submit = function (/** @type {unknown[]} */ ...args) {
  Reflect.apply(submit, this, args);
  if (moments.includes(++submits)) device?.destroy();
};
