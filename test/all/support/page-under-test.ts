// The page in a browser that puppeteer drives: what is read and pressed there.

import type { WorkerMessage } from '../../../src/web/messages.ts';
import type { Browser, Page } from './browsers.ts';

/** Milliseconds: SwiftShader on busy cores. */
const PATIENCE = 550_000;

/** Puppeteer's page, and what is read and pressed there. */
export class PageUnderTest {
  readonly page: Page;
  readonly #problems: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('pageerror', ({ message }) => this.#problems.push(message));
  }

  static async open(browser: Browser, url: string): Promise<PageUnderTest> {
    const page = await browser.newPage();
    const at = new PageUnderTest(page);
    await page.evaluateOnNewDocument(() => {
      window.heard = [];
      const Original = Worker;
      window.Worker = class extends Original {
        constructor(script: string | URL, options?: WorkerOptions) {
          super(script, options);
          this.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
            if (Array.isArray(data)) window.heard.push(...(data as WorkerMessage[]));
          });
        }
      };
    });
    await page.goto(url);
    return at;
  }

  text(selector: string): Promise<string> {
    return this.page.evaluate(
      (which) => document.querySelector<HTMLElement>(which)?.innerText.trim() ?? '',
      selector,
    );
  }

  /** The text there, once it matches. What goes wrong in the page is thrown instead. */
  async says(selector: string, pattern: RegExp): Promise<string> {
    const start = performance.now();
    for (;;) {
      const text = await this.text(selector);
      if (pattern.test(text)) return text;
      const wrong = [...this.#problems, await this.text('[role=alert]')].filter(Boolean).join('\n');
      if (wrong !== '') throw new Error(`in the page: ${wrong}`);
      if (performance.now() - start > PATIENCE)
        throw new Error(`${selector} should say ${pattern}, and says ${JSON.stringify(text)}.`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /** Presses the button with this name. */
  press(name: string): Promise<void> {
    return this.#once(`a button ${name}`, name, (text) => {
      const buttons = [...document.querySelectorAll('button')];
      const button = buttons.find((one) => one.textContent?.trim() === text && !one.disabled);
      button?.click();
      return button !== undefined;
    });
  }

  /** Fills a field, and chooses from a list. */
  fill(selector: string, value: string): Promise<void> {
    return this.#once(selector, [selector, value] as const, ([which, text]) => {
      const field = document.querySelector<HTMLInputElement | HTMLSelectElement>(which);
      if (field === null) return false;
      field.value = text;
      field.dispatchEvent(
        new Event(field instanceof HTMLSelectElement ? 'change' : 'input', { bubbles: true }),
      );
      return true;
    });
  }

  /** Does something in the page as soon as it can be done: until then `act` gives false. */
  async #once<A>(what: string, argument: A, act: (argument: A) => boolean): Promise<void> {
    const start = performance.now();
    while (!(await this.page.evaluate(act, argument))) {
      if (performance.now() - start > 60_000) throw new Error(`The page has no ${what}.`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** What the run has said: every loss, and the samples after the last step. */
  run(): Promise<{ losses: number[]; samples: string[] }> {
    return this.page.evaluate(() => ({
      losses: window.heard.flatMap((message) => (message.type === 'steps' ? Array.from(message.losses) : [])),
      samples: window.heard.flatMap((message) => (message.type === 'sample' ? [message.text] : [])),
    }));
  }

  /** Throws what went wrong in the page meanwhile. */
  async close(): Promise<void> {
    await this.page.close();
    if (this.#problems.length > 0) throw new Error(`in the page: ${this.#problems.join('\n')}`);
  }
}
