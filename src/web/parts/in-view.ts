// Whether an element can be seen: what nobody sees need not be drawn.

import { useSignal, type ReadonlySignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

export function useInView(element: RefObject<Element | null>): ReadonlySignal<boolean> {
  const inView = useSignal(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => {
      inView.value = entries.at(-1)?.isIntersecting === true;
    });
    // Gone already where the reader went on at once.
    if (element.current !== null) observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return inView;
}
