// Reports as files for people. Pure functions of the reports: no Node modules, no DOM.

import type { Comparison } from '../judge/compare.ts';
import type { Report } from '../schema.ts';
import { comparisonPage } from './comparison.ts';
import { htmlOf } from './html.ts';
import { markdownOf } from './markdown.ts';
import { reportPage, type Page } from './page.ts';

/** The files' contents; the HTML is complete in itself. */
export interface Rendered {
  readonly markdown: string;
  readonly html: string;
}

/** report.md and report.html. */
export function renderReport(report: Report): Rendered {
  return render(reportPage(report));
}

/** The same for reports side by side. */
export function renderComparison(comparison: Comparison): Rendered {
  return render(comparisonPage(comparison));
}

function render(page: Page): Rendered {
  return { markdown: markdownOf(page), html: htmlOf(page) };
}
