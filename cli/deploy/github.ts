import { appendFile } from 'node:fs/promises';
import { FileError } from './yaml-file.ts';

/** Outputs of a step of GitHub Actions, where it runs in one. */
export async function writeOutputs(outputs: Record<string, string | number>, env = process.env): Promise<void> {
  if (!env.GITHUB_OUTPUT) return;
  const lines = Object.entries(outputs).map(([name, value]) => `${name}=${value}\n`);
  await appendFile(env.GITHUB_OUTPUT, lines.join(''));
}

/** The line that makes GitHub Actions show an error beside the commit; undefined anywhere else. */
export function annotationOf(error: Error, env = process.env): string | undefined {
  if (env.GITHUB_ACTIONS !== 'true') return undefined;
  const at = error instanceof FileError ? ` file=${error.place.file},line=${error.place.line}` : '';
  return `::error${at}::${error.message.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')}`;
}
