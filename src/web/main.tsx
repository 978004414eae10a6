// The page starts here.

import { effect } from '@preact/signals';
import { render } from 'preact';
import { App } from './app.tsx';
import { watchDrops } from './drop.ts';
import { watchKeys } from './keyboard.tsx';
import { watchSleep } from './sleep.ts';
import { followAddress } from './state/address.ts';
import { fields, file } from './state/settings.ts';
import { goOffline } from './offline.ts';
import { offerToGoOn } from './state/kept.ts';
import { look } from './state/trainer.ts';
import './styles/base.css';
import './styles/bar.css';
import './styles/story.css';
import './styles/forms.css';
import './styles/figures.css';
import './styles/kept.css';
import './styles/lists.css';

/** Milliseconds without a keystroke before a text is read again. */
const TYPING = 300;

followAddress();
watchKeys();
watchDrops();
watchSleep();

let timer = 0;
let last = '';
effect(() => {
  const { data, text, seed } = fields.value;
  const now = JSON.stringify([data, data === 'text' ? text : '', seed]);
  if (now === last && data !== 'file') return;
  const typing = last !== '' && data === 'text';
  last = now;
  void file.value;
  clearTimeout(timer);
  timer = window.setTimeout(look, typing ? TYPING : 0);
});

document.getElementById('not-started')?.remove();
render(<App />, document.getElementById('app')!);
// A section's own address: the browser looked for it before it was there.
document.getElementById(location.hash.slice(1))?.scrollIntoView();
// Once the page stands, which they must not delay.
addEventListener('load', () => {
  setTimeout(() => {
    void offerToGoOn();
    void goOffline();
  });
});
