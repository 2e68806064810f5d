/** Writes `docs/reference/` from the code (`--write`), or says what of it is not current (`--check`). */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { endpoints } from '../sdk/contract/index.ts';
import { openapi } from './openapi/document.ts';
import { apiPage } from './reference/api.ts';
import { cliPage } from './reference/cli.ts';
import { configurationPage } from './reference/configuration.ts';
import { enginesPage } from './reference/engines.ts';
import { errorsPage } from './reference/errors.ts';
import { exitCodesPage } from './reference/exit-codes.ts';
import { reasonsPage } from './reference/reasons.ts';
import { sdkPage } from './reference/sdk.ts';

const FOLDER = fileURLToPath(new URL('../docs/reference/', import.meta.url));
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const pages: Record<string, string> = {
  'openapi.json': `${JSON.stringify(openapi(endpoints, version), null, 2)}\n`,
  'api.md': apiPage(endpoints),
  'cli.md': await cliPage(),
  'sdk.md': sdkPage(),
  'errors.md': errorsPage(),
  'exit-codes.md': exitCodesPage(),
  'engines.md': enginesPage(),
  'reasons.md': reasonsPage(),
  'configuration.md': configurationPage(),
};

const { values } = parseArgs({ options: { check: { type: 'boolean' }, write: { type: 'boolean' } } });
for (const [name, text] of Object.entries(pages)) {
  const file = `${FOLDER}${name}`;
  if (values.write) writeFileSync(file, text);
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    process.stderr.write(`docs/reference/${name} is not what the code says. Run: npm run reference -- --write\n`);
    process.exitCode = 1;
  }
}
