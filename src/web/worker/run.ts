// A training run in the worker: in the order of microgpt.py, so that the same settings give the same losses and the same
// 20 names as the command line.

import { textUse } from '../../data/text-use.ts';
import type { Post } from '../messages.ts';
import type { Begun } from './begin.ts';
import type { Orders } from './orders.ts';
import { Session } from './session.ts';

/**
 * Trains what `beginning` gives. Never ends by itself: a run that is done answers questions. Throws what ends it for good;
 * see MicrogptError.
 */
export async function run(beginning: Promise<Begun>, orders: Orders, post: Post): Promise<never> {
  post([{ type: 'phase', phase: 'preparing' }]);
  const begun = await beginning;
  const { live, keeper, data } = begun;
  try {
    post([
      {
        type: 'config',
        model: live.spec.model,
        training: live.spec.training,
        parameters: live.spec.parameters.length,
        data,
        ...(live.hasText ? { text: textUse(live.spec.documents, live.spec.model.blockSize) } : {}),
        engine: live.engine.info,
        reason: live.reason,
        step: live.step,
      },
    ]);
    const session = new Session(begun, orders, post);
    for (;;) {
      try {
        await session.train();
        await session.sample();
        await session.answerForEver();
      } catch (error) {
        await session.recover(error);
      }
    }
  } finally {
    live.close();
    keeper?.release();
  }
}
