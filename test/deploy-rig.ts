import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { TestEco } from './harness.ts';
import { eco as runEco, start } from './run-eco.ts';

/** Where the files of deploys lie. */
export const files = mkdtempSync(join(tmpdir(), 'eco-deploy-'));
after(() => rm(files, { recursive: true }));

/** A deploy of the simulator that takes no time; a test changes what it is about. */
export const spec = (changes: Record<string, unknown> = {}) => ({
  name: 'assistant',
  model: { name: 'my-llama', source: { type: 'image' } },
  image: 'ecolink/sim',
  gpu: 'l4:1',
  regions: ['local-a'],
  args: ['--ttft', '5ms', '--itl', '1ms'],
  drain: '2s',
  ...changes,
});

let written = 0;

/** YAML is a superset of JSON. */
export function writeSpec(content: object | string): string {
  const path = join(files, `eco-${written++}.yaml`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content, undefined, 2));
  return path;
}

export interface DeployOptions {
  flags?: string[];
  env?: Record<string, string>;
}

const commandOf = (content: object | string, flags: string[]) => ['deploy', '-f', writeSpec(content), ...flags];
const environmentOf = ({ url, apiKey }: Pick<TestEco, 'url' | 'apiKey'>, env: Record<string, string>) => ({
  env: { ECO_API_URL: url, ECO_API_KEY: apiKey, ...env },
});

/** Runs the real `eco deploy` to its end. */
export const deploy = (
  server: Pick<TestEco, 'url' | 'apiKey'>,
  content: object | string,
  { flags = [], env = {} }: DeployOptions = {},
) => runEco(commandOf(content, flags), environmentOf(server, env));

/** The same, while it runs. */
export const startDeploy = (
  server: Pick<TestEco, 'url' | 'apiKey'>,
  content: object | string,
  { flags = [], env = {} }: DeployOptions = {},
) => start(commandOf(content, flags), environmentOf(server, env));
