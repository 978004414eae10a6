import { variantCases } from './variants.cases.ts';

variantCases(1);
