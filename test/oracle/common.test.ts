import { createOracleEngine } from '../../src/oracle/engine.ts';
import type { EngineSpec } from '../../src/engine/engine.ts';
import { engineCases } from '../engines/common.cases.ts';
import { severalCases } from '../engines/several.cases.ts';

const create = async (spec: EngineSpec) => createOracleEngine(spec);

// The recorded runs are in golden.test.ts, held to closer bars. f64 with sums in microgpt.py's order: only exp, log, sin and cos may differ from C's in the last bit.
engineCases('oracle', create, { loss: 1e-12, gradient: 1e-11 }, []);
severalCases('oracle', create);
