import { EcoError } from '../../sdk/contract/index.ts';
import { permit } from '../accounts/caller.ts';
import type { KeyEntry, Keyring } from '../accounts/keyring.ts';

const BEARER = /^Bearer +(\S+) *$/i;

/** The live key of a request that may call models. Throws `invalid_api_key`, `forbidden`, or `unavailable` when keys cannot be looked up. */
export async function authenticate(keyring: Keyring, authorization: string | undefined): Promise<KeyEntry> {
  if (authorization === undefined) permit({ type: 'nobody' }, 'inference');
  const secret = BEARER.exec(authorization ?? '')?.[1];
  if (secret?.startsWith('ecoadmin_')) permit({ type: 'admin' }, 'inference');
  const found = secret === undefined ? undefined : keyring.find(secret);
  const key = found instanceof Promise ? await found : found;
  if (!key)
    throw new EcoError('invalid_api_key', 'This API key is not valid: mistyped, revoked or expired.', {
      hint: 'eco login',
    });
  permit({ type: 'account', key }, 'inference');
  return key;
}
