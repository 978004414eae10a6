import { kernelCases } from './kernels.cases.ts';

kernelCases('default', 3, 5);
