/** Prints the OpenAPI document of the contract. */
import { readFileSync } from 'node:fs';
import { endpoints } from '../sdk/contract/index.ts';
import { openapi } from './openapi/document.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
process.stdout.write(`${JSON.stringify(openapi(endpoints, version), null, 2)}\n`);
