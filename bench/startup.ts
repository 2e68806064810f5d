/**
 * How long `eco` takes to start, from its build, beside a Node that does nothing: medians of interleaved runs, so that
 * what else the machine does meets all of them alike. Prints rows for docs/benchmarks.md.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROUNDS = 25;
const root = fileURLToPath(new URL('../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'eco-startup-'));
const BUILD_FROM = ['bin', 'cli', 'package.json', 'scripts', 'sdk', 'server', 'tsconfig.build.json', 'tsconfig.json'];
const COMMANDS = {
  'node -e 0': ['-e', '0'],
  'eco --version': ['bin/eco.js', '--version'],
  "eco __complete 'eco mod'": ['bin/eco.js', '__complete', 'eco mod'],
  'eco --help': ['bin/eco.js', '--help'],
  'eco ps --help': ['bin/eco.js', 'ps', '--help'],
  'eco config list': ['bin/eco.js', 'config', 'list'],
  'eco ps, no server there': ['bin/eco.js', 'ps'],
};

try {
  for (const name of BUILD_FROM) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  run(['scripts/build.ts']);
  const times = measure();
  process.stdout.write(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, ${ROUNDS} rounds\n\n`);
  process.stdout.write('| | min ms | median ms | over Node |\n|---|--:|--:|--:|\n');
  const [bare = 0] = Object.values(times).map(median);
  for (const [name, each] of Object.entries(times))
    process.stdout.write(
      `| \`${name}\` | ${Math.min(...each).toFixed(0)} | ${median(each).toFixed(0)} | ${(median(each) - bare).toFixed(0)} |\n`,
    );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The first round fills the compile cache and is not counted. */
function measure(): Record<string, number[]> {
  const times = Object.fromEntries(Object.keys(COMMANDS).map((name) => [name, [] as number[]]));
  for (let round = 0; round <= ROUNDS; round++)
    for (const [name, args] of Object.entries(COMMANDS)) {
      const startedAt = performance.now();
      run(args);
      if (round > 0) times[name]?.push(performance.now() - startedAt);
    }
  return times;
}

function run(args: string[]): void {
  const env = {
    ...process.env,
    HOME: folder,
    ECO_CONFIG_DIR: folder,
    ECO_API_URL: 'http://127.0.0.1:9',
    ECO_API_KEY: 'eco_x',
  };
  const { error } = spawnSync(process.execPath, args, {
    cwd: folder,
    env: { ...env, NODE_COMPILE_CACHE: join(folder, 'cache') },
  });
  if (error) throw error;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
