/** A command ends early because somebody wished it: `aborted` by Ctrl-C, `declined` at a question. */
export class Ending extends Error {
  override name = 'Ending';
  readonly code: 'aborted' | 'declined';
  readonly hint: string | undefined;

  constructor(code: 'aborted' | 'declined', message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}
