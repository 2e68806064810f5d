/**
 * What is published, in `dist/`: the program bundled, one file per command and shared chunks, so that a command loads a
 * few files and not hundreds; the SDK as modules with declarations, so that bundlers of others can drop what is unused.
 */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { licensesOf } from './build/licenses.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Bundled although it is a dependency: every command needs it, and in one piece it loads in a third of the time. */
const INSIDE = ['zod'];

/** All other dependencies are loaded from `node_modules`: they are native, read files of their own, or serve few commands. */
const { dependencies, peerDependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const external = Object.keys({ ...dependencies, ...peerDependencies }).filter((name) => !INSIDE.includes(name));

/** What bin/eco.js, oclif or another process loads by its path. */
const ENTRIES = [
  'cli/main.ts',
  'cli/help-class.ts',
  'cli/not-found.ts',
  'cli/complete/main.ts',
  ...globSync('cli/commands/**/*.ts', { cwd: root }),
  'server/cluster/local/supervisor.ts',
  'server/cluster/simulator/main.ts',
];

/** The CommonJS packages inside ask for `require`. */
const REQUIRE =
  "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);";

/** Messages of zod in fifty languages, of which the program speaks one. */
const oneLanguage: Plugin = {
  name: 'one-language',
  setup: ({ onLoad }) =>
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    })),
};

await rm(`${root}dist`, { recursive: true, force: true });
run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json');
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ENTRIES,
  outdir: 'dist',
  outbase: '.',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node22.19',
  chunkNames: 'chunks/[name]-[hash]', // server/package-root.ts finds its way up from there
  external,
  plugins: [oneLanguage],
  banner: { js: REQUIRE },
  legalComments: 'none', // all licences are in one file
  keepNames: true, // oclif and error documents tell the names of classes
  minifySyntax: true,
  minifyWhitespace: true,
  metafile: true,
  logLevel: 'warning',
});
await writeFile(`${root}dist/LICENSES.txt`, await licensesOf(Object.keys(metafile.inputs), root));
run('scripts/manifest.ts');

function run(program: string, ...args: string[]): void {
  const { status } = spawnSync(process.execPath, [program, ...args], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error(`${program} ended with ${status}`);
}
