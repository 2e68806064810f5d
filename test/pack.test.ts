import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import type { Ready } from './eco-dev.ts';
import { finish, root } from './run-eco.ts';

/** What `npm pack` runs in, in place of the clone: a `dist` there would go before the source for everybody. */
const BUILD_FROM = [
  'bin',
  'catalog.yaml',
  'cli',
  'LICENSE',
  'package.json',
  'README.md',
  'scripts',
  'sdk',
  'server',
  'tsconfig.build.json',
  'tsconfig.json',
];
const PACKED_MAX_BYTES = 1_500_000;
const MODULES_MAX = 40;
const STEP_TIMEOUT_MS = 180_000;
/** Not on the way to plain commands; `react` and `ink` not even where they wait on a pipe. */
const HEAVY = /node_modules\/(?:@hono|@kubernetes|better-sqlite3|hono|ink|kysely|pg|pino|react|undici|ws|yaml|zod)\//;
const OFFLINE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|ERR_SOCKET_TIMEOUT/;

const folder = mkdtempSync(join(tmpdir(), 'eco-pack-'));
const application = join(folder, 'application');
const skip = process.env.ECO_PACK !== '1' && 'it installs packages for half a minute: npm run test:pack';

describe('the package, installed into an empty folder', { skip }, () => {
  let tarball = '';
  before(async () => {
    const clone = join(folder, 'clone');
    mkdirSync(clone);
    for (const name of BUILD_FROM) cpSync(join(root, name), join(clone, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
    const [packed] = JSON.parse(await npm(['pack', '--json', '--pack-destination', folder], clone));
    tarball = join(folder, packed.filename);
    assert.ok(packed.size < PACKED_MAX_BYTES, `${packed.size} bytes`);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  let offline = '';
  before(async () => {
    mkdirSync(application);
    writeFileSync(join(application, 'package.json'), '{ "private": true, "type": "module" }');
    try {
      await npm(['install', '--omit=dev', tarball], application);
    } catch (error) {
      if (!OFFLINE.test(String(error))) throw error;
      offline = 'the registry of packages is not to be reached';
    }
  });

  test('holds the program, declarations, manifest and licences, and neither tests nor sources', (t) => {
    if (offline) return t.skip(offline);
    const installed = join(application, 'node_modules/ecolink');
    const files = readdirSync(installed, { recursive: true })
      .map(String)
      .filter((path) => !path.includes('node_modules'));
    for (const path of [
      'LICENSE',
      'README.md',
      'bin/eco.js',
      'catalog.yaml',
      'dist/LICENSES.txt',
      'dist/sdk/index.d.ts',
      'oclif.manifest.json',
    ])
      assert.ok(files.includes(path), path);
    assert.deepEqual(
      files.filter((path) => /(?<!\.d)\.ts$|\.map$|test/.test(path)),
      [],
    );
    const { commands } = JSON.parse(readFileSync(join(installed, 'oclif.manifest.json'), 'utf8'));
    const sources = readdirSync(join(root, 'cli/commands'), { recursive: true })
      .map(String)
      .filter((path) => path.endsWith('.ts'));
    const ids = sources.map((path) => path.slice(0, -3).replaceAll('/', ':'));
    assert.deepEqual(
      ids.filter((id) => !(id in commands)),
      [],
    );
  });

  test('types of the SDK are found and hold', async (t) => {
    if (offline) return t.skip(offline);
    writeFileSync(join(application, 'consumer.ts'), CONSUMER);
    const flags = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--lib',
      'es2024,dom,dom.iterable',
      '--types',
      '',
    ];
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...flags, 'consumer.ts'], {
      cwd: application,
    });
  });

  for (const major of [22, 24] as const)
    describe(`on Node ${major}`, () => {
      let node = process.execPath;
      before(async () => {
        if (offline || process.version.startsWith(`v${major}.`)) return;
        const home = join(folder, `node-${major}`);
        mkdirSync(home);
        writeFileSync(join(home, 'package.json'), `{ "private": true, "allowScripts": { "node": true } }`);
        await npm(['install', `node@${major}`], home);
        node = join(home, 'node_modules/node/bin/node');
      });
      const home = join(folder, `home-${major}`);
      const bin = join(application, 'node_modules/ecolink/bin/eco.js');
      const eco = (...args: string[]) => run(node, [bin, ...args], { cwd: application, env: environment(home) });

      test('serves, launches and chats; ends with nothing left', async (t) => {
        if (offline) return t.skip(offline);
        assert.match(await eco('--version'), new RegExp(`^ecolink/\\S+ \\S+ node-v${major}\\.`));
        const child = spawn(node, [bin, 'dev', '--json', '--port', '0'], {
          cwd: application,
          env: environment(home),
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        const { url, api_key } = await readyLine(child);
        try {
          await eco('models', 'register', 'my-llama', '--hf', 'meta-llama/Llama-3.1-8B-Instruct');
          await eco('instances', 'launch', 'my-llama', '--image', 'ecolink/sim', '--yes', '--wait');
          assert.match(await eco('chat', 'my-llama', 'Hello'), /\w/);
          assert.match(await eco('doctor'), /Nothing is wrong/);
          assert.equal(await eco('__complete', 'eco models rm my-'), 'my-llama\tchat\n');
          const env = { ...environment(home), ECO_API_URL: url, ECO_API_KEY: api_key };
          writeFileSync(join(application, 'sdk.mjs'), SDK_SCRIPT);
          assert.match(await run(node, ['sdk.mjs'], { cwd: application, env }), /^my-llama:\d+ running/);
        } finally {
          child.kill('SIGINT');
        }
        assert.deepEqual(await once(child, 'exit'), [0, null]);
      });

      for (const [args, most] of [
        [['--version'], 1],
        [['--help'], MODULES_MAX],
        [['ps', '--help'], MODULES_MAX],
        [['ps'], MODULES_MAX],
        [['__complete', 'eco mod'], MODULES_MAX],
      ] as const)
        test(`eco ${args.join(' ')} loads at most ${most} modules, none of them heavy`, async (t) => {
          if (offline) return t.skip(offline);
          const loaded = await modulesOf(node, [bin, ...args], environment(home));
          assert.deepEqual(
            loaded.filter((url) => HEAVY.test(url)),
            [],
          );
          assert.ok(loaded.length <= most, `${loaded.length}:\n${loaded.join('\n')}`);
        });
    });
});

const CONSUMER = `
import { Eco, EcoError, type Workload } from 'ecolink';
const eco = new Eco({ apiKey: 'eco_x' });
export const running: Promise<Workload> = eco.instances.waitUntilRunning('my-llama');
export const isMissing = (error: unknown): boolean => error instanceof EcoError && error.code === 'not_found';
// @ts-expect-error: a name is required
eco.models.register({});
`;

const SDK_SCRIPT = `
import { Eco } from 'ecolink';
const [workload] = (await new Eco().instances.list()).data;
process.stdout.write(workload.ref + ' ' + workload.state);
`;

const environment = (home: string) => ({
  PATH: process.env.PATH ?? '',
  HOME: home,
  ECO_CONFIG_DIR: join(home, 'config'),
  XDG_DATA_HOME: join(home, 'data'),
});

/** With this Node first on the path, as the scripts of package.json say only `node`. */
function npm(args: string[], cwd: string): Promise<string> {
  const PATH = [dirname(process.execPath), process.env.PATH].join(delimiter);
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  return run('npm', [...args, ...quiet], { cwd, env: { ...process.env, PATH } });
}

async function run(
  program: string,
  args: string[],
  { cwd, env = process.env }: { cwd: string; env?: NodeJS.ProcessEnv },
) {
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: STEP_TIMEOUT_MS });
  const { code, stdout, stderr } = await finish(child);
  assert.equal(code, 0, `${program} ${args.join(' ')}\n${stdout}\n${stderr}`);
  return stdout;
}

async function readyLine(child: ChildProcess): Promise<Ready> {
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('eco dev ended before it was ready')));
  ended.catch(() => {});
  const [line] = await Promise.race([once(createInterface(child.stdout!), 'line'), ended]);
  return JSON.parse(String(line));
}

/** Files that a program loads, by hooks of the loader itself. */
async function modulesOf(node: string, args: string[], env: Record<string, string>): Promise<string[]> {
  const list = join(folder, 'loaded.txt');
  writeFileSync(list, '');
  const hook = join(folder, 'hook.mjs');
  writeFileSync(
    hook,
    `
    import { appendFileSync } from 'node:fs';
    import { registerHooks } from 'node:module';
    registerHooks({ load(url, context, next) {
      if (url.startsWith('file:')) appendFileSync(${JSON.stringify(list)}, url + '\\n');
      return next(url, context);
    } });`,
  );
  const child = spawn(node, ['--import', hook, ...args], {
    cwd: application,
    env,
    stdio: 'ignore',
    timeout: STEP_TIMEOUT_MS,
  });
  await once(child, 'exit');
  return readFileSync(list, 'utf8')
    .split('\n')
    .filter((url) => url !== '');
}
