import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execute, settings } from '@oclif/core';

interface Options {
  /** Folder of package.json. */
  root: URL;
  /** Its content, with the paths of commands and hooks. */
  pjson: Record<string, unknown>;
  isBuilt: boolean;
}

/** Runs the command of the command line, as the manifest lists it. */
export async function main({ root, pjson, isBuilt }: Options): Promise<void> {
  settings.enableAutoTranspile = false; // else NODE_ENV=test looks for tsx and ts-node
  const loadOptions = {
    root: fileURLToPath(root),
    pjson,
    ignoreManifest: !(isBuilt || (await hasSourceManifest(root, pjson))),
  };
  await execute({ dir: root.href, loadOptions: loadOptions as never });
}

/** A manifest that a build left behind names files of `dist/`, and would go before that of the source. */
async function hasSourceManifest(root: URL, pjson: object): Promise<boolean> {
  if (existsSync(new URL('oclif.manifest.json', root))) return false;
  const { refreshSourceManifest } = await import('./source-manifest.ts');
  return (await refreshSourceManifest(root, pjson)) !== undefined;
}
