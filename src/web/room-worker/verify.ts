// The checks of `microgpt verify`, in the page.

import { checkCount, verify, type VerifyOptions } from '../../verify/verify.ts';
import { openDevice, type GpuDevice } from '../../webgpu/adapter.ts';
import type { VerifyJob } from '../rooms/messages.ts';
import type { PostRoom } from './room-worker.ts';

/** A look at everything: each kernel on a random shape, each engine on one model and 20 steps. */
const BRIEF = { cases: 1, configs: 1, steps: 20 };

export async function verifyHere({ engines, thorough }: VerifyJob, post: PostRoom): Promise<void> {
  let gpu: GpuDevice | undefined;
  let problem = '';
  if (engines.includes('webgpu')) {
    try {
      gpu = await openDevice(navigator.gpu);
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
  }
  try {
    const options: VerifyOptions = {
      engines: engines.filter((engine) => engine !== 'webgpu' || gpu !== undefined),
      ...(gpu === undefined ? {} : { gpu }),
      ...(thorough ? {} : BRIEF),
    };
    post({ type: 'verifying', adapter: gpu?.info ?? null, problem, checks: checkCount(options) });
    for await (const check of verify(options)) post(check);
    post({ type: 'finished' });
  } finally {
    gpu?.destroy();
  }
}
