import { exitCodes } from '../../cli/exit-code.ts';
import { GENERATED, page, table } from './markdown.ts';

export const exitCodesPage = (): string =>
  page(
    GENERATED,
    '# Exit codes of `eco`',
    'Also printed by `eco help exit-codes`. With `--json` the error itself is a document on standard output: `{"error": {"code", "message", "hint", "request_id"}}`.',
    table(
      ['code', 'meaning'],
      Object.values(exitCodes).map(([code, meaning]) => [String(code), meaning]),
    ),
  );
