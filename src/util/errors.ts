// The errors a user can cause or meet. Each message is one or two lines: what, where, what was
// expected, what to do. Anything else that is thrown is a bug in this project.

export class MicrogptError extends Error {
  override name = 'MicrogptError';
}

/** A tensor of the wrong shape: `rmsnorm at x: expected [rows, channels], got [64]`. */
export class ShapeError extends MicrogptError {
  override name = 'ShapeError';
}

/** An option or a configuration that cannot work, such as a width that the heads do not divide. */
export class ConfigError extends MicrogptError {
  override name = 'ConfigError';
}

/** Training text that cannot be read or used: missing, empty, not UTF-8, unknown characters. */
export class DataError extends MicrogptError {
  override name = 'DataError';
}

/** No adapter, a lost device, a limit exceeded, a validation error. */
export class DeviceError extends MicrogptError {
  override name = 'DeviceError';
}

/** A run directory or a checkpoint that is missing, damaged or of another kind. */
export class CheckpointError extends MicrogptError {
  override name = 'CheckpointError';
}

/** A browser's storage that is missing, full or not allowed. */
export class StorageError extends MicrogptError {
  override name = 'StorageError';
}

/** A report.json that is damaged, foreign or of another version. */
export class ReportError extends MicrogptError {
  override name = 'ReportError';
}
