#!/usr/bin/env node
// One entry for a clone (source), a clone with dist, and the installed package.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const isBuilt = existsSync(new URL('dist/cli/main.js', root));
const needed = isBuilt ? 22 : 24;
const bundledNode = fileURLToPath(new URL('node_modules/node/bin/node', root));

if (Number.parseInt(process.versions.node, 10) >= needed) await run();
else if (existsSync(bundledNode) && process.execPath !== bundledNode) runBundledNode();
else {
  process.stderr.write(
    `eco needs Node ${needed} or newer, this is ${process.version}. Run "npm ci" in the clone, which brings one.\n`,
  );
  process.exitCode = 1;
}

/** Loads no more than what is asked for needs: the version is in package.json, completion does without the parser. */
async function run() {
  const [first, ...rest] = process.argv.slice(2);
  const pjson = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  if (first === '--version') {
    const { platform, arch, version } = process;
    process.stdout.write(`${pjson.name}/${pjson.version} ${platform}-${arch} node-${version}\n`);
    return;
  }
  module.enableCompileCache(); // a named import of it is a SyntaxError on Node 20
  if (!isBuilt) pjson.oclif = withSourcePaths(pjson.oclif);
  const options = { root, pjson, isBuilt };
  if (first === '__complete') {
    const { main } = await (isBuilt ? import('../dist/cli/complete/main.js') : import('../cli/complete/main.ts'));
    await main(rest, options);
  } else {
    const { main } = await (isBuilt ? import('../dist/cli/main.js') : import('../cli/main.ts'));
    await main(options);
  }
}

/** package.json names the files of the build. */
function withSourcePaths(oclif) {
  return JSON.parse(JSON.stringify(oclif).replaceAll('./dist/cli/', './cli/').replaceAll('.js"', '.ts"'));
}

function runBundledNode() {
  const child = spawn(bundledNode, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}
