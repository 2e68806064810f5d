import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface FlagSpec {
  type: 'boolean' | 'option';
  char?: string;
  description?: string;
  summary?: string;
  options?: readonly string[];
  multiple?: boolean;
  hidden?: boolean;
  allowNo?: boolean;
}

export interface ArgSpec {
  options?: readonly string[];
  hidden?: boolean;
}

export interface CommandSpec {
  /** Words joined by colons. */
  id: string;
  summary?: string;
  hidden?: boolean;
  hiddenAliases?: readonly string[];
  flags: Record<string, FlagSpec>;
  args: Record<string, ArgSpec>;
}

/** Commands and topics, as completion needs them: by id. */
export interface Tree {
  commands: ReadonlyMap<string, CommandSpec>;
  topics: ReadonlyMap<string, string>;
}

export interface Package {
  root: URL;
  pjson: { oclif: { topics: Record<string, { description: string }> } };
  isBuilt: boolean;
}

/** From the manifest of the build, or that of the source. */
export async function readTree({ root, pjson, isBuilt }: Package): Promise<Tree> {
  const path = isBuilt ? fileURLToPath(new URL('oclif.manifest.json', root)) : await sourceManifest(root, pjson);
  const specs: CommandSpec[] = Object.values(JSON.parse(readFileSync(path, 'utf8')).commands);
  const aliases = new Set(specs.flatMap(({ hiddenAliases = [] }) => hiddenAliases));
  const commands = specs.filter(({ id }) => !aliases.has(id));
  const topics = Object.entries(pjson.oclif.topics).map(([id, { description }]) => [id, description] as const);
  return { commands: new Map(commands.map((spec) => [spec.id, spec])), topics: new Map(topics) };
}

async function sourceManifest(root: URL, pjson: object): Promise<string> {
  const { refreshSourceManifest } = await import('../source-manifest.ts');
  const manifest = await refreshSourceManifest(root, pjson);
  if (!manifest) throw new Error('The commands cannot be loaded.');
  return manifest.path;
}
