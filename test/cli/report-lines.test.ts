// What `microgpt report` prints of a section: to programs all of it, to a person what fits a screen, marked where it is software.

import { describe, expect, it } from 'vitest';
import { measurements, sectionLines } from '../../src/cli/report-lines.ts';
import { gpuReport, softwareReport } from '../support/report-fixture.ts';

describe('lines of a section', () => {
  it('have the crossover of every strategy for programs, and of the fastest for a person', () => {
    const { crossover } = gpuReport();
    const timed = crossover!.cells.flatMap(({ ratio, strategies }) => [
      ...(ratio ? [ratio.value] : []),
      ...strategies.flatMap((own) => own.ratio?.value ?? []),
    ]);
    const records = measurements('crossover', crossover);
    expect(records.map(({ value }) => value)).toEqual(timed);
    const eager = crossover!.cells[0].strategies[0].ratio!.value;
    expect(records).toContainEqual({
      type: 'measurement',
      name: 'crossover width 16 batch 1 context 16 eager',
      value: eager,
      unit: '× CPU/GPU',
    });
    const lines = sectionLines('crossover', crossover);
    expect(lines).toHaveLength(1 + crossover!.cells.filter(({ ratio }) => ratio !== null).length);
    expect(lines.join('\n')).not.toMatch(/eager/);
  });

  it('have the ceilings of the kernels for a person, and every kernel for programs', () => {
    const { kernels } = gpuReport();
    expect(sectionLines('kernels', kernels)).toHaveLength(3);
    expect(measurements('kernels', kernels)).toHaveLength(2 + kernels!.rows.length);
  });

  it('say of each figure of a software adapter that it is none of a GPU', () => {
    const { ladder, launch, crossover } = softwareReport();
    const marked = /\(software, not a GPU\)/;
    for (const { name } of measurements('ladder', ladder))
      expect(marked.test(name)).toBe(name.includes('webgpu'));
    for (const { name } of measurements('launch', launch)) expect(name).toMatch(marked);
    for (const { name } of measurements('crossover', crossover)) expect(name).toMatch(marked);
    expect(sectionLines('crossover', null)).toEqual(['crossover: nothing was measured']);
  });
});
