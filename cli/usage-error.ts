/** The command line or its input is wrong: exit code 2. The message names what is missing or what to change. */
export class UsageError extends Error {
  override name = 'UsageError';
  readonly code = 'usage';
  readonly hint: string | undefined;

  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
  }
}
