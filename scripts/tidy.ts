// Checks what neither compiler nor linter knows: the direction of imports, dead files, words, transactions, silence.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inspect } from './tidy/inspect.ts';
import type { Finding, SourceFile } from './tidy/source.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = ['bin', 'sdk', 'server', 'cli', 'test', 'scripts', 'bench'];

const files = FOLDERS.flatMap(readSources);
const findings = inspect(files);
for (const finding of findings) process.stderr.write(format(finding));
process.stderr.write(`tidy: ${files.length} files, ${findings.length} findings\n`);
process.exitCode = findings.length > 0 ? 1 : 0;

function readSources(folder: string): SourceFile[] {
  return readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:ts|js|mjs)$/.test(name))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .toSorted()
    .map((path) => ({ path, text: readFileSync(`${ROOT}${path}`, 'utf8') }));
}

function format({ path, line, says, instead }: Finding): string {
  return `${path}:${line} ${says}\n    ${instead}\n`;
}
