// One op on its own, on the device: what tests and `microgpt verify` check kernels with.

import { dtypeOf, operandNames, sizeOf, STEP_BYTES } from '../graph/op.ts';
import type { Launch, Op, OpCase, StepScalars } from '../graph/op.ts';
import type { OpResult } from '../graph/reference.ts';
import type { TensorArray } from '../util/arrays.ts';
import type { GpuDevice } from './adapter.ts';
import { bindOperands, pipelineFor } from './pipelines.ts';

/** Runs the op's kernel once, in the way of `launch`. Outputs start as 0. Throws DeviceError for any error of the device. */
export async function runOnDevice(
  gpu: GpuDevice,
  op: Op,
  example: OpCase,
  launch: Launch = op.kernel.launch(example.shapes, example.attrs),
): Promise<OpResult> {
  const { device } = gpu;
  const pipeline = await pipelineFor(gpu, op, launch);
  const buffers: GPUBuffer[] = [];
  const make = (size: number, usage = 0): GPUBuffer => {
    usage |= GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = device.createBuffer({ size, usage });
    buffers.push(buffer);
    return buffer;
  };
  const upload = (data: ArrayBuffer, usage = 0): GPUBuffer => {
    const buffer = make(data.byteLength, usage);
    device.queue.writeBuffer(buffer, 0, data);
    return buffer;
  };

  const read = async (source: GPUBuffer): Promise<ArrayBuffer> => {
    const staging = device.createBuffer({
      size: source.size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    buffers.push(staging);
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(source, 0, staging, 0, source.size);
    device.queue.submit([encoder.finish()]);
    await gpu.settle(staging.mapAsync(GPUMapMode.READ));
    return staging.getMappedRange().slice(0);
  };

  try {
    const stepBuffer = upload(encodeStep(example.step), GPUBufferUsage.UNIFORM);
    const operands = [
      ...example.inputs.map((data) =>
        upload((data instanceof Uint32Array ? data.slice() : Float32Array.from(data)).buffer),
      ),
      ...op.infer(example.shapes, example.attrs, '').map((shape) => make(4 * sizeOf(shape))),
    ];
    const bindGroup = bindOperands(
      gpu,
      { op, where: '' },
      pipeline,
      { buffer: stepBuffer },
      operands.map((buffer) => ({ buffer })),
    );
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(...launch.workgroups);
    pass.end();
    device.queue.submit([encoder.finish()]);

    const names = [...operandNames(op), ...op.outputs];
    const tensors = new Map<string, TensorArray>();
    for (const [i, name] of names.entries()) {
      if (i < op.inputs.length || (op.writesStep && name === 'step')) continue;
      const bytes = await read(operands[i]);
      tensors.set(name, dtypeOf(op, name) === 'u32' ? new Uint32Array(bytes) : new Float32Array(bytes));
    }
    const step = decodeStep(await read(stepBuffer));
    gpu.check();
    return { tensors, step };
  } finally {
    for (const buffer of buffers) buffer.destroy();
  }
}

/** `struct Step` of shaders/lib/step.wgsl. */
function encodeStep(step: StepScalars): ArrayBuffer {
  const bytes = new ArrayBuffer(STEP_BYTES);
  new Uint32Array(bytes).set([step.index, step.rows]);
  new Float32Array(bytes).set([step.learningRate, step.correction1, step.correction2], 2);
  return bytes;
}

function decodeStep(bytes: ArrayBuffer): StepScalars {
  const [index, rows] = new Uint32Array(bytes);
  const [, , learningRate, correction1, correction2] = new Float32Array(bytes);
  return { index, rows, learningRate, correction1, correction2 };
}
