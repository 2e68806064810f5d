import type { Balance, Eco, Region, WhoAmI, Workload } from '../../sdk/index.ts';
import { dollars } from '../money.ts';
import { type Check, failed, ok, skipped, warning } from './check.ts';

const OPTIONS = { timeoutMs: 5_000, maxRetries: 0 };
const HOURS_LEFT_MIN = 1;
const FAILED_SHOWN_MAX = 10;

/** What the server says of the key: who it is, and whether its account can work. */
export async function* checkAccount(eco: Eco): AsyncGenerator<Check> {
  const who = await eco.account.whoAmI(OPTIONS).catch((error: unknown) => error);
  if (who instanceof Error) return yield failed('key', who.message, hintOf(who) ?? 'eco login');
  yield ok('key', keyText(who as WhoAmI));
  if (!(who as WhoAmI).account) return yield skipped('account', 'this is an admin key, which has none');
  yield* await asked('balance', async () => checkBalance(await eco.billing.balance(OPTIONS), who as WhoAmI));
  yield* await asked('regions', async () => checkRegions((await eco.regions.list(OPTIONS)).data));
  yield* await asked('instances', async () => {
    const { data } = await eco.workloads.list({ state: 'failed', limit: FAILED_SHOWN_MAX }, OPTIONS);
    return checkFailed(data);
  });
}

function keyText({ account, key, admin }: WhoAmI): string {
  const scopes = key?.scopes ? `may ${key.scopes.join(', ')}` : 'may do all that the account may';
  return `${key ? `"${key.name}" (…${key.last_four})` : 'valid'} of ${account?.name ?? 'the operator'}, ${admin ? 'an admin key' : scopes}`;
}

/** A key of few rights is no fault: what it may not see is left out. */
async function asked(name: string, check: () => Promise<Check[]>): Promise<Check[]> {
  try {
    return await check();
  } catch (error) {
    const { code, message } = Object(error) as { code?: string; message?: string };
    if (code === 'forbidden') return [skipped(name, 'this key may not see it')];
    return [failed(name, message ?? String(error), hintOf(error) ?? `eco help ${code ?? 'internal'}`)];
  }
}

const hintOf = (error: unknown) => (Object(error) as { hint?: string }).hint;

export function checkBalance({ available, held, burn_rate_per_hour }: Balance, { account }: WhoAmI): Check[] {
  const topUp = `The operator adds some: eco admin credit ${account?.id} 50.00`;
  const text = `${dollars(available)} free, ${dollars(held)} held`;
  if (Number(available) <= 0) return [failed('balance', `${text}: requests and launches are refused`, topUp)];
  const hours = Number(available) / Number(burn_rate_per_hour);
  return [
    hours < HOURS_LEFT_MIN
      ? warning('balance', `${text}: gone in ${Math.ceil(hours * 60)} min`, topUp)
      : ok('balance', text),
  ];
}

export function checkRegions(regions: readonly Region[]): Check[] {
  if (regions.length === 0)
    return [failed('regions', 'the server has none', 'Add one to ecolink.yaml, or try: eco dev')];
  return regions.map(({ name, reachable, message, offers }) => {
    if (!reachable) return failed('region', `${name} is not reached: ${message ?? 'no reason given'}`, 'eco regions');
    const gpus = offers.map(
      ({ gpu, free, total, simulated }) => `${free} of ${total} ${gpu}${simulated ? ' (simulated)' : ''}`,
    );
    return ok('region', `${name} has ${gpus.join(', ') || 'no GPUs'} free`);
  });
}

export function checkFailed(workloads: readonly Workload[]): Check[] {
  if (workloads.length === 0) return [ok('instances', 'none has failed')];
  return workloads.map(({ id, ref, message, hint }) =>
    failed('instance', `${ref}: ${message}`, hint ?? `eco logs ${id}`),
  );
}
