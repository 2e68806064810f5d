import { clientHelp, errorHelp, type Help } from '../../sdk/contract/error-help.ts';
import { errorCodes, isErrorCode } from '../../sdk/contract/index.ts';
import { GENERATED, page, table } from './markdown.ts';

/** Printed from the tables that `eco help <code>` reads. */
export const errorsPage = (): string =>
  page(
    GENERATED,
    '# Error codes',
    '`eco help CODE` prints a row of this table. How errors look and what to do about them in a program: [Errors](../concepts/errors.md).',
    '## From the server',
    rowsOf(errorHelp),
    '## From the command line and the SDK',
    rowsOf(clientHelp),
  );

const rowsOf = (help: Readonly<Record<string, Help>>): string =>
  table(
    ['code', 'status', 'why', 'what to do'],
    Object.entries(help).map(([code, { cause, next }]) => [`\`${code}\``, statusOf(code), cause, next]),
  );

const statusOf = (code: string) => (isErrorCode(code) ? String(errorCodes[code][0]) : '');
