import { kernelCases } from './kernels.cases.ts';

kernelCases('default', 4, 16);
kernelCases('adapter', 5, 4);
