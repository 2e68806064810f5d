// Prints the API as OpenAPI 3.1; --check and --write compare it with, or write it to, docs/reference/openapi.json.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { endpoints } from '../sdk/contract/index.ts';
import { openapi } from './openapi/document.ts';

const FILE = new URL('../docs/reference/openapi.json', import.meta.url);
const PACKAGE = new URL('../package.json', import.meta.url);

const { values } = parseArgs({ options: { check: { type: 'boolean' }, write: { type: 'boolean' } } });
const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string };
const text = `${JSON.stringify(openapi(endpoints, version), null, 2)}\n`;

if (values.write) writeFileSync(FILE, text);
else if (!values.check) process.stdout.write(text);
else if (!existsSync(FILE) || readFileSync(FILE, 'utf8') !== text) {
  process.stderr.write('docs/reference/openapi.json is not what the contract says. Run: npm run openapi -- --write\n');
  process.exitCode = 1;
}
