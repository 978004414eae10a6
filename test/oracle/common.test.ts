import { createOracleEngine } from '../../src/oracle/engine.ts';
import { engineCases } from '../engines/common.cases.ts';

// The recorded runs are in golden.test.ts, held to closer bars. f64 with sums in microgpt.py's order: only exp, log, sin and cos may differ from C's in the last bit.
engineCases('oracle', async (spec) => createOracleEngine(spec), { loss: 1e-12, gradient: 1e-11 }, []);
