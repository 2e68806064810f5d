import type { WorkloadRow } from '../db/schema.ts';
import type { Secrets } from '../secrets.ts';

/** What a launch was given to be kept from everybody; nothing is left of it once the workload has ended for good. */
export const secretsOf = (
  secrets: Secrets,
  { secrets_encrypted }: Pick<WorkloadRow, 'secrets_encrypted'>,
): Record<string, string> => (secrets_encrypted === null ? {} : JSON.parse(secrets.decrypt(secrets_encrypted)));

/** Once nothing runs any more that could show them. */
export const withoutSecrets: Pick<WorkloadRow, 'secrets_encrypted'> = { secrets_encrypted: null };
