import { existsSync } from 'node:fs';

/** Folder of package.json: one up from `server/` in a clone, two from `dist/server/` in the package. */
export const packageRoot: URL =
  ['../', '../../']
    .map((up) => new URL(up, import.meta.url))
    .find((folder) => existsSync(new URL('package.json', folder))) ?? new URL('../', import.meta.url);
