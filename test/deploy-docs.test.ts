import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { Eco } from '../sdk/index.ts';
import { makeHome, startEcoDev } from './eco-dev.ts';
import { finish, root } from './run-eco.ts';

interface Step {
  id?: string;
  uses?: string;
  run?: string;
  env?: Record<string, string>;
}

interface Workflow {
  jobs: Record<string, { env: Record<string, string>; steps: Step[] }>;
}

/** What a runner knows: `vars.NAME`, `secrets.NAME`, `steps.ID.outputs.NAME`. */
type Known = Record<string, string>;

const STEP_TIMEOUT_MS = 60_000;
/** It installs what runs this test. */
const INSTALLS = /^npm ci$/;
/** `npx eco` without the start of npm. */
const PRELUDE = `npx() { "$@"; }; eco() { '${process.execPath}' '${join(root, 'bin/eco.js')}' "$@"; }\n`;

const markdown = readFileSync(join(root, 'docs/how-to/deploy-from-ci.md'), 'utf8');
const [file = '', workflow = ''] = [...markdown.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code);

function fillIn(text: string, known: Known): string {
  return text.replaceAll(/\$\{\{ ([\w.-]+) \}\}/g, (_all, name: string) => {
    assert.ok(known[name] !== undefined, `the runner does not know ${name}`);
    return known[name];
  });
}

/** Runs the `run` steps of the only job one after the other, as a runner does. Gives what they have said. */
async function runWorkflow(folder: string, environment: Record<string, string>, known: Known): Promise<string[]> {
  const [job] = Object.values((parse(workflow) as Workflow).jobs);
  const said: string[] = [];
  for (const { id = '', uses, run = '', env } of job?.steps ?? []) {
    if (uses !== undefined || INSTALLS.test(run)) continue;
    const output = join(folder, `output-${id}`);
    const declared = Object.entries({ ...job?.env, ...env }).map(([name, value]) => [name, fillIn(value, known)]);
    const child = spawn('bash', ['-e', '-c', PRELUDE + run], {
      cwd: folder,
      env: {
        ...environment,
        GITHUB_ACTIONS: 'true',
        CI: 'true',
        GITHUB_OUTPUT: output,
        ...Object.fromEntries(declared),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: STEP_TIMEOUT_MS,
    });
    const { code, stdout, stderr } = await finish(child);
    assert.equal(code, 0, `${run}\n${stdout}\n${stderr}`);
    said.push(stdout + stderr);
    if (!existsSync(output)) continue;
    for (const line of readFileSync(output, 'utf8').trim().split('\n'))
      known[`steps.${id}.outputs.${line.split('=')[0]}`] = line.slice(line.indexOf('=') + 1);
  }
  return said;
}

test('the workflow that the guide shows deploys the file that it shows, and does nothing the second time', async () => {
  using home = makeHome();
  await using dev = await startEcoDev(home);
  const { url, api_key } = dev.ready;
  const work = join(home.folder, 'work');
  writeFileSync(join(work, 'eco.yaml'), file);
  const environment = { ...home.environment, GITHUB_SHA: '5c7b2f0' };
  const known = { 'vars.ECO_API_URL': url, 'secrets.ECO_API_KEY': api_key };

  const [plan = '', deployed = '', called = ''] = await runWorkflow(work, environment, known);
  assert.match(plan, /register the model assistant[\s\S]*hold now/);
  assert.match(deployed, /assistant is deployed: assistant:\d+/);
  assert.match(called, /assistant leads to assistant:\d+[\s\S]*chat\.completion/);

  const [, again = ''] = await runWorkflow(work, environment, known);
  assert.match(again, /Nothing has changed/);
  const { data } = await new Eco({ baseUrl: url, apiKey: api_key }).instances.list();
  assert.equal(data.filter(({ name }) => name === 'assistant').length, 1);
});
