// A report in the page, drawn as in report.html. It stands in a shadow root with report.html's own style, so that neither
// style touches the other's elements; the style is a constructed sheet, which a Content-Security-Policy lets in.

import { useEffect, useRef } from 'preact/hooks';
import { fragmentsOf, REPORT_STYLE, type Fragment } from '../../report/render/html.ts';
import type { Page } from '../../report/render/page.ts';

export function ReportView({ page }: { page: Page }) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const root = host.current!.shadowRoot ?? attach(host.current!);
    show(root, fragmentsOf(page));
  }, [page]);
  return <div ref={host} class="report" />;
}

function attach(host: HTMLElement): ShadowRoot {
  const root = host.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(REPORT_STYLE);
  root.adoptedStyleSheets = [sheet];
  return root;
}

/** What each part shows; it is left alone while that stays the same, with the tables that a reader has opened. */
const shown = new WeakMap<Element, string>();

function show(root: ShadowRoot, fragments: readonly Fragment[]): void {
  const parts = new Map(Array.from(root.children, (part) => [part.getAttribute('data-part'), part]));
  const wanted = fragments.map(({ id, markup }) => {
    const part = parts.get(id) ?? document.createElement('div');
    part.setAttribute('data-part', id);
    if (shown.get(part) !== markup) part.innerHTML = markup; // text is escaped by who draws it
    shown.set(part, markup);
    return part;
  });
  for (const part of parts.values()) if (!wanted.includes(part)) part.remove();
  for (const [i, part] of wanted.entries()) {
    if (root.children[i] !== part) root.insertBefore(part, root.children[i] ?? null);
  }
}
