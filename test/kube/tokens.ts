import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiOf } from './api.ts';
import { getRegion } from './state.ts';

const TOKEN_SECONDS = 3600;

export interface ServiceAccount {
  namespace: string;
  account: string;
}

/** A kubeconfig that acts as a ServiceAccount and may do what its roles say. */
export async function tokenKubeconfig(
  dir: string,
  regionName: string,
  { namespace, account }: ServiceAccount,
): Promise<string> {
  const { region } = getRegion(dir, regionName);
  const token = await issueToken(dir, regionName, { namespace, account });
  const ca = readFileSync(join(region.dir, 'pki', 'ca.crt')).toString('base64');
  const name = region.name;
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server: region.server, 'certificate-authority-data': ca } }],
    users: [{ name: account, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: account, namespace } }],
  };
  return JSON.stringify(document, null, 2);
}

export async function issueToken(
  dir: string,
  regionName: string,
  { namespace, account, seconds = TOKEN_SECONDS }: ServiceAccount & { seconds?: number },
): Promise<string> {
  const { region } = getRegion(dir, regionName);
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
  const { status } = await apiOf(region)('POST', path, { spec: { expirationSeconds: seconds } });
  return status.token;
}
