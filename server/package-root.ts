import { existsSync, readFileSync } from 'node:fs';

const LEVELS_MAX = 6;

/** Folder of package.json: above `server/` in a clone, above the file in `dist/` that this became part of in the package. */
export const packageRoot: URL =
  Array.from({ length: LEVELS_MAX }, (_, level) => new URL('../'.repeat(level + 1), import.meta.url)).find((folder) =>
    existsSync(new URL('package.json', folder)),
  ) ?? new URL('../', import.meta.url);

export const packageVersion: string = JSON.parse(readFileSync(new URL('package.json', packageRoot), 'utf8')).version;
