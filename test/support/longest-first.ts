// The order of the test files: those that take longest begin first, so that none is left running alone at the end; then project
// by project, for a process that runs many files goes on only with the next one of its project.

import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes minutes where a processor imitates a GPU, the longest first. */
const LONGEST = [
  'engines/resilient.test.ts',
  'webgpu/engine.test.ts',
  'train/sweep.test.ts',
  'webgpu/resident.test.ts',
  'engines/choice.test.ts',
  'webgpu/kernels.test.ts',
  'webgpu/cost.test.ts',
  'torture/device.test.ts',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const projects = ['elsewhere', 'alone', 'page', 'shared'];
    const rank = ({ moduleId, project }: TestSpecification) => {
      const at = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}`));
      return at < 0 ? LONGEST.length + projects.indexOf(project.name) : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
