// The page: bar, head, and the story or a room.

import { useSignal, useSignalEffect } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Bar } from './bar.tsx';
import { dragging } from './drop.ts';
import { Hero } from './hero.tsx';
import { Shortcuts } from './keyboard.tsx';
import { Notices } from './notices.tsx';
import { isRunning } from './state/run.ts';
import { room, storyTop, type Room } from './routes.ts';
import { Share } from './share.tsx';
import { Story } from './story/story.tsx';

export function App() {
  const here = room.value;
  const before = useRef(here);
  useLayoutEffect(() => {
    if (before.current === here) return; // the first time: the browser knows
    before.current = here;
    const section = here === undefined ? document.getElementById(location.hash.slice(1)) : null;
    if (section !== null) section.scrollIntoView();
    else scrollTo(0, here === undefined ? storyTop.peek() : 0);
  }, [here]);
  return (
    <>
      <Bar />
      <div class="page">
        <Notices />
        <main>
          {/* Hidden, not gone: who comes back from a room finds what they typed, and where they were. */}
          <div hidden={here !== undefined}>
            <Hero />
            <Story />
          </div>
          {here !== undefined && <RoomView key={here.id} here={here} />}
        </main>
        <footer>
          <Share />
          <Shortcuts />
          <a href="https://github.com/karpathy/microgpt">after microgpt.py by Andrej Karpathy</a>
        </footer>
      </div>
      {dragging.value && (
        <div class="dropping" aria-hidden="true">
          {isRunning() ? 'Drop a checkpoint here' : 'Drop a text or a checkpoint here'}
        </div>
      )}
    </>
  );
}

/** A room, once its module is there. */
function RoomView({ here }: { here: Room }) {
  const loaded = useSignal<ComponentType | undefined>(undefined);
  const failed = useSignal('');
  useSignalEffect(() => {
    here.load().then(
      ({ default: View }) => {
        loaded.value = View;
      },
      (error: unknown) => {
        failed.value = `${here.title} could not be loaded (${String(error)}). Load the page again.`;
      },
    );
  });
  const View = loaded.value;
  return (
    <section class="room" aria-labelledby="room-title">
      <h1 id="room-title">{here.title}</h1>
      {failed.value !== '' && <p class="error">{failed.value}</p>}
      {View !== undefined && <View />}
    </section>
  );
}
