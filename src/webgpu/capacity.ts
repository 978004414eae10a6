// How many models train at once on a device, a workgroup of the resident kernel for each.

import type { EngineSpec } from '../engine/engine.ts';
import { RING_LENGTH } from '../model/plans.ts';
import type { GpuDevice } from './adapter.ts';
import { residentStep } from './resident/step.ts';

/**
 * More would make a dispatch of even one step long, and keep no device busier: one holds a few workgroups for each of
 * its compute units, of which the largest have some hundreds.
 */
const MOST = 2048;
/**
 * Floating-point operations of a step of all models together, which is the least that a dispatch does: a second on a small
 * integrated GPU, which operating systems reset after two.
 */
const STEP_FLOPS = 1e10;
/** Bytes of all buffers together; no device tells how much memory is free. */
const BYTES = 2 ** 30;

/** How many models like that of `spec` fit one dispatch and the buffers of the device; 0 where none does. */
export function modelCapacity(
  { device }: GpuDevice,
  { model, documents, training, order }: EngineSpec,
): number {
  const { maxStorageBufferBindingSize, maxBufferSize, maxComputeWorkgroupsPerDimension } = device.limits;
  const ordered = order?.length ?? documents.count;
  const elements = Math.min(maxStorageBufferBindingSize, maxBufferSize) / 4;
  const shared = documents.count + 1 + documents.tokens.length; // beside the orders
  const { values, parameters: state, flops } = residentStep(model, training); // of each model
  const most = [
    MOST,
    STEP_FLOPS / flops,
    maxComputeWorkgroupsPerDimension,
    elements / state,
    elements / values,
    (elements - shared) / ordered,
    elements / (RING_LENGTH + 1),
    (BYTES / 4 - shared) / (4 * state + values + ordered + RING_LENGTH),
  ];
  return Math.max(0, Math.floor(Math.min(...most)));
}
