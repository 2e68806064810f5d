import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Eco } from '../sdk/index.ts';
import { type EcoDev, makeHome, startEcoDev } from './eco-dev.ts';
import { finish, root } from './run-eco.ts';
import { until } from './until.ts';

interface Block {
  language: string;
  code: string;
}

const BLOCK_TIMEOUT_MS = 60_000;
const SKIPPED = new Map([
  [/^npm ci/, 'it installs what runs this test'],
  [/^(npx )?eco dev\b/, 'the test has started it'],
]);
const noPython = spawnSync('python3', ['--version']).status !== 0;

/** `npx eco` without the start of npm, which is most of its time. */
const PRELUDE = `npx() { "$@"; }; eco() { '${process.execPath}' '${join(root, 'bin/eco.js')}' "$@"; }\n`;

describe('what the documents say to type works as written', () => {
  const home = makeHome();
  const work = join(home.folder, 'work');
  let dev: EcoDev;
  before(async () => {
    dev = await startEcoDev(home);
  });
  after(async () => {
    await dev[Symbol.asyncDispose]();
    home[Symbol.dispose]();
  });

  /** `docs/start.md` has the key that `eco dev` has stored, and names the first instance by its id; the others an account each. */
  const environmentOf = async (path: string) => {
    const { url, api_key, admin_key } = dev.ready;
    const openai = { ...home.environment, OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: api_key };
    if (path === 'docs/start.md') return openai;
    const { admin } = new Eco({ baseUrl: url, apiKey: admin_key });
    const { id, secret } = await admin.createAccount({ name: path });
    await admin.credit({ account_id: id, amount: '500.00' });
    return { ...openai, ECO_API_URL: url, ECO_API_KEY: secret };
  };

  for (const [path, first] of [
    ['docs/start.md', ''],
    ['README.md', ''],
    ['docs/concepts/workloads.md', ''],
    ['docs/concepts/models.md', ''],
    ['docs/concepts/regions.md', ''],
    ['docs/concepts/money.md', ''],
    ['docs/concepts/errors.md', ''],
    ['docs/how-to/register-a-fine-tune.md', ''],
    ['docs/how-to/custom-container.md', ''],
    ['docs/how-to/command-line.md', ''],
    ['docs/reference/simulator.md', 'eco models register my-llama --image'],
  ] as const) {
    const blocks = blocksOf(readFileSync(join(root, path), 'utf8'));
    test(path, { skip: !blocks.some(isRun) && 'no block of it is a command' }, async (t) => {
      const env = await environmentOf(path);
      await using simulators = new AsyncDisposableStack();
      const shell = (code: string) => run('sh', ['-euc', PRELUDE + code], { cwd: work, env });
      await shell(first);
      for (const { language, code } of blocks) {
        if (language === 'python') writeFileSync(join(work, 'serve.py'), code);
        if (language === 'sh' && noPython && code.includes('python3')) t.diagnostic('left out: no python3 here');
        else if (language === 'sh')
          await shell(withoutSkipped(await startSimulators(code, simulators), (text) => t.diagnostic(text)));
        if (language === 'ts') assert.match(await runTypeScript(code, env), /\w/);
      }
    });
  }

  test('each reason to skip a line is still needed', () => {
    const lines = ['README.md', 'docs/start.md', 'docs/reference/simulator.md']
      .flatMap((path) => blocksOf(readFileSync(join(root, path), 'utf8')))
      .flatMap(({ code }) => code.split('\n'));
    for (const [pattern] of SKIPPED)
      assert.ok(
        lines.some((line) => pattern.test(line)),
        String(pattern),
      );
  });
});

function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = '', code = '']) => ({
    language,
    code,
  }));
}

function isRun({ language, code }: Block): boolean {
  return language === 'ts' || (language === 'sh' && withoutSkipped(code, () => {}).trim() !== '');
}

function withoutSkipped(code: string, say: (text: string) => void): string {
  const isKept = (line: string) => {
    const [, why] = [...SKIPPED].find(([pattern]) => pattern.test(line)) ?? [];
    if (why !== undefined) say(`left out: "${line.trim()}": ${why}`);
    return why === undefined;
  };
  return code.split('\n').filter(isKept).join('\n');
}

/** Starts what the lines `eco sim …` ask for, as in a terminal of its own; it serves until the page is done. Gives the other lines. */
async function startSimulators(code: string, scope: AsyncDisposableStack): Promise<string> {
  const others: string[] = [];
  for (const line of code.split('\n')) {
    const asked = /^(?:npx )?eco sim\b(.*)/.exec(line)?.[1];
    if (asked === undefined) others.push(line);
    else {
      const child = spawn(process.execPath, [join(root, 'bin/eco.js'), 'sim', ...asked.trim().split(/\s+/)]);
      const exited = once(child, 'exit');
      scope.defer(async () => void (child.kill('SIGTERM') && (await exited)));
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
      await until(`"${line}" serves`, () => said.includes('startup complete'));
    }
  }
  return others.join('\n');
}

/** In plain Node, with the name of the package leading to its source. */
function runTypeScript(code: string, env: Record<string, string>): Promise<string> {
  const args = ['--conditions=source', '--input-type=module-typescript', '--eval', code];
  return run(process.execPath, args, { cwd: root, env });
}

async function run(program: string, args: string[], { cwd, env }: { cwd: string; env: Record<string, string> }) {
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: BLOCK_TIMEOUT_MS });
  const { code, stdout, stderr } = await finish(child);
  assert.equal(code, 0, `${args.at(-1)}\n${stdout}\n${stderr}`);
  return stdout;
}
