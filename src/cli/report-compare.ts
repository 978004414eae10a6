// microgpt report --compare: reports of several machines or commits side by side.

import { compareReports, MOST_REPORTS } from '../report/judge/compare.ts';
import { renderComparison } from '../report/render/index.ts';
import { ConfigError } from '../util/errors.ts';
import type { Output } from './output.ts';
import { checkNoneOf, COMPARISON_FILES, readReport, writeComparison } from './report-files.ts';
import { claimDirectory } from './run-directory.ts';

/** Gives the exit status. Throws ReportError where a file is damaged or no report. */
export async function compareCommand(files: readonly string[], out: string, output: Output): Promise<number> {
  if (files.length < 2 || files.length > MOST_REPORTS) {
    throw new ConfigError(
      `--compare: expected 2 to ${MOST_REPORTS} files, got ${files.length}. Name the report.json files to set side by side.`,
    );
  }
  const reports = [];
  for (const file of files) reports.push({ name: file, report: await readReport(file) });
  const comparison = compareReports(reports);
  await checkNoneOf(COMPARISON_FILES, out);
  const claimed = await claimDirectory(out);
  try {
    await writeComparison(out, renderComparison(comparison));
  } finally {
    claimed.release();
  }
  for (const line of [...comparison.notices, ...comparison.sentences]) output.line(line);
  for (const { id, figures } of comparison.ladder) {
    figures.forEach((figure, i) => {
      if (figure === null) return;
      output.record({ type: 'measurement', name: `${files[i]} ${id}`, value: figure.value, unit: 'µs' });
    });
  }
  output.record({ type: 'done' });
  output.detail(`written to ${out}`);
  return 0;
}
