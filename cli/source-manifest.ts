import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What commands and the options of their flags are read from. */
const SOURCES = ['cli', 'sdk', 'package.json'];

/**
 * In a clone, what the build does once: a list of all commands, so that each start loads one of them and not sixty.
 * Written anew when a source has changed. Undefined where that fails, as it does while a command is being edited.
 */
export async function refreshSourceManifest(root: URL, pjson: object): Promise<{ path: string } | undefined> {
  const path = fileURLToPath(new URL('.oclif.manifest.json', root));
  const fingerprint = fingerprintOf(fileURLToPath(root));
  if (readFingerprint(path) === fingerprint) return { path };
  try {
    const { Plugin, settings } = await import('@oclif/core');
    settings.enableAutoTranspile = false;
    const options = { pjson, ignoreManifest: true, errorOnManifestCreate: true, respectNoCacheDefault: true } as object;
    const plugin = new Plugin({ root: fileURLToPath(root), type: 'core', ...options });
    await plugin.load();
    writeFileSync(`${path}.${process.pid}`, JSON.stringify({ fingerprint, ...plugin.manifest }));
    renameSync(`${path}.${process.pid}`, path);
    return { path };
  } catch {
    return undefined;
  }
}

/** Names, sizes and times of all sources. */
function fingerprintOf(root: string): string {
  const hash = createHash('sha256');
  for (const source of SOURCES) {
    const within = statSync(join(root, source)).isDirectory()
      ? readdirSync(join(root, source), { recursive: true })
      : [''];
    for (const name of within.map(String)) {
      const { size, mtimeMs } = statSync(join(root, source, name));
      hash.update(`${source}/${name} ${size} ${mtimeMs}\n`);
    }
  }
  return hash.digest('hex');
}

function readFingerprint(path: string): string | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).fingerprint;
  } catch {
    return undefined;
  }
}
