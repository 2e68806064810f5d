import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** Tells which server had this data folder before, so that what it left can be taken over at once, and notes the one that has it now. */
export async function succeed(
  path: string,
  serverId: string,
  takeOver: (earlier: string) => Promise<void>,
): Promise<void> {
  if (existsSync(path)) await takeOver(readFileSync(path, 'utf8').trim());
  writeFileSync(path, `${serverId}\n`);
}
