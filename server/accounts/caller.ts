import { EcoError, type Scope } from '../../sdk/contract/index.ts';
import type { Secrets } from '../secrets.ts';
import type { KeyEntry, Keyring } from './keyring.ts';

export type Caller = { type: 'nobody' } | { type: 'admin' } | { type: 'account'; key: KeyEntry };

const BEARER = /^Bearer +([^\s]+) *$/i;

/** Whose key it is. No header is nobody; a header with a wrong key throws `invalid_api_key`. */
export async function identify(
  { keyring, secrets }: { keyring: Keyring; secrets: Secrets },
  authorization: string | undefined,
): Promise<Caller> {
  if (authorization === undefined) return { type: 'nobody' };
  const secret = BEARER.exec(authorization)?.[1];
  if (secret === undefined) throw invalidKey();
  if (secret.startsWith('ecoadmin_')) {
    if (!secrets.isAdminKey(secret)) throw invalidKey();
    return { type: 'admin' };
  }
  const key = await keyring.find(secret);
  if (!key) throw invalidKey();
  return { type: 'account', key };
}

/** Throws unless the caller may use an endpoint of this scope. What is not allowed here is refused. */
export function permit(caller: Caller, scope: Scope): void {
  if (scope === 'public') return;
  if (caller.type === 'nobody')
    throw new EcoError('invalid_api_key', 'No API key. Send "Authorization: Bearer eco_…".', { hint: 'eco login' });
  if (caller.type === 'admin') {
    if (scope === 'admin' || scope === 'any') return;
    throw new EcoError('forbidden', 'The admin key belongs to no account. Use a key of the account.', {
      hint: 'eco admin accounts create',
    });
  }
  if (scope === 'admin') throw new EcoError('forbidden', 'This needs the admin key of the installation.');
  if (scope === 'any') return;
  if (scope === 'account') refuseRestricted(caller.key);
  else if (caller.key.scopes?.has(scope) === false)
    throw new EcoError('forbidden', `This key lacks the scope "${scope}".`);
}

/** A key that may do less than its account must not make one that may do more. */
function refuseRestricted({ scopes, allowed_models, spend_cap_nanos, expires_at }: KeyEntry): void {
  if ([scopes, allowed_models, spend_cap_nanos, expires_at].some((limit) => limit !== null))
    throw new EcoError('forbidden', 'This needs a key without restrictions: no scopes, models, spend cap or expiry.');
}

/** Whether the key is not kept from this model. */
export function mayCall(caller: Caller, model: string): boolean {
  return caller.type === 'account' && (caller.key.allowed_models?.has(model) ?? true);
}

const invalidKey = () =>
  new EcoError('invalid_api_key', 'This API key is not valid: mistyped, revoked or expired.', { hint: 'eco login' });
