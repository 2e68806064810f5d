import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

const DevKeys = z.object({ admin_key: z.string(), api_key: z.string(), account_id: z.string() });
export type DevKeys = z.infer<typeof DevKeys>;

export function readDevKeys(path: string): DevKeys | undefined {
  return existsSync(path) ? DevKeys.parse(JSON.parse(readFileSync(path, 'utf8'))) : undefined;
}

/** Readable by its owner alone. */
export function writeDevKeys(path: string, keys: DevKeys): DevKeys {
  writeFileSync(path, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  return keys;
}
