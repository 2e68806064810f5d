#!/usr/bin/env node
// One entry for a clone (source), a clone with dist, and the installed package.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const built = existsSync(new URL('dist/cli/commands', root));
const needed = built ? 22 : 24;
const bundledNode = fileURLToPath(new URL('node_modules/node/bin/node', root));

if (Number.parseInt(process.versions.node, 10) >= needed) {
  module.enableCompileCache(); // a named import of it is a SyntaxError on Node 20
  const pjson = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  if (!built)
    Object.assign(pjson.oclif, { commands: './cli/commands', hooks: { command_not_found: './cli/not-found.ts' } });
  const { execute, settings } = await import('@oclif/core');
  settings.enableAutoTranspile = false; // else NODE_ENV=test looks for tsx and ts-node
  await execute({ dir: import.meta.url, loadOptions: { root: fileURLToPath(root), pjson, ignoreManifest: !built } });
} else if (existsSync(bundledNode) && process.execPath !== bundledNode) {
  const args = [fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const child = spawn(bundledNode, args, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
} else {
  process.stderr.write(
    `eco needs Node ${needed} or newer, this is ${process.version}. Run "npm ci" in the clone, which brings one.\n`,
  );
  process.exitCode = 1;
}
