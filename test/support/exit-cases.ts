// A program for test/webgpu/node-gpu.test.ts: takes the GPU, works on it, and ends as argv tells it to,
// without destroying the device.

import { openDevice } from '../../src/webgpu/adapter.ts';
import { nodeGpu } from '../../src/webgpu/node-gpu.ts';

const gpu = await nodeGpu();
if (gpu !== (await nodeGpu())) throw new Error('nodeGpu gave two GPU objects');
const { device, settle } = await openDevice(gpu);

/** Work of about 0.1 s on SwiftShader, and a buffer that is mapped when it is done. */
function startWork(): GPUBuffer {
  const code = /* wgsl */ `
    @group(0) @binding(0) var<storage, read_write> out: array<f32>;
    @compute @workgroup_size(64) fn slow(@builtin(global_invocation_id) id: vec3u) {
      var sum = 0.0;
      for (var i = 0u; i < 20000u; i++) { sum += sin(f32(i)); }
      out[id.x] = sum;
    }`;
  const pipeline = device.createComputePipeline({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code }) },
  });
  const size = 4 * 4096;
  const out = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  const back = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: out } }],
    }),
  );
  pass.dispatchWorkgroups(64);
  pass.end();
  encoder.copyBufferToBuffer(out, 0, back, 0, size);
  device.queue.submit([encoder.finish()]);
  return back;
}

// Held until it is read: dawn.node aborts the mapping of a buffer whose wrapper is collected.
const result = startWork();
const mapped = settle(result.mapAsync(GPUMapMode.READ));
const report = () => console.log(`finished: ${new Float32Array(result.getMappedRange()).length} values`);
switch (process.argv[2]) {
  case 'finish':
    await mapped;
    report();
    break;
  case 'unattended': // the script ends first; the promise keeps the process until it is settled
    void mapped.then(report);
    break;
  case 'exit-code':
    await mapped;
    process.exitCode = 3;
    break;
  case 'exit':
    mapped.catch(() => {});
    process.exit(4);
    break;
  case 'throw':
    mapped.catch(() => {});
    throw new Error('thrown on purpose');
  case 'interrupt':
    mapped.catch(() => {});
    process.once('SIGINT', () => process.exit(130));
    process.kill(process.pid, 'SIGINT');
    break;
  default:
    throw new Error(`unknown case ${process.argv[2]}`);
}
