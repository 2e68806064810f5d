import type { Alias, Eco } from '../sdk/index.ts';

const PAGE = 500;

/** All of the account. */
export async function listAliases(eco: Eco, signal?: AbortSignal): Promise<Alias[]> {
  const aliases: Alias[] = [];
  for await (const alias of eco.aliases.list({ limit: PAGE }, { signal })) aliases.push(alias);
  return aliases;
}

const WARN_TIMEOUT_MS = 5_000;

/** What somebody who ends an instance should know: which names lead to it. Undefined where none does, or nobody can tell. */
export async function aliasWarning(eco: Eco, id: number): Promise<string | undefined> {
  const all = await listAliases(eco, AbortSignal.timeout(WARN_TIMEOUT_MS)).catch(() => []);
  const names = all.filter(({ workload_id }) => workload_id === id).map(({ name }) => `"${name}"`);
  if (names.length === 0) return undefined;
  return `Calls by the name ${names.join(', ')} come here: they fail until it leads elsewhere (eco aliases set).`;
}
