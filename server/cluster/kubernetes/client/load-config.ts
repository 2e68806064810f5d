import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Cluster, KubeConfig, User } from '@kubernetes/client-node';
import { parse } from 'yaml';
import type { KubeSource } from './kube-source.ts';
import { KubeconfigError } from './kubeconfig-error.ts';

export interface LoadedConfig {
  config: KubeConfig;
  cluster: Cluster;
  /** Read before every request: who issues its token replaces it. */
  tokenFile: string | undefined;
}

/** Reads a kubeconfig, or what a pod finds in itself. Throws with the file and what is wrong with it. */
export async function loadConfig(region: string, source: KubeSource): Promise<LoadedConfig> {
  const config = await readSource(source);
  if ('context' in source && source.context !== undefined) config.setCurrentContext(source.context);
  const where = 'in_cluster' in source ? 'this pod' : source.kubeconfig;
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    const known = config.contexts.map(({ name }) => name).join(', ') || 'none';
    const name = config.getCurrentContext() ?? '';
    const message = `${where}: no cluster for the context "${name}" of ${region}; contexts there: ${known}`;
    throw new KubeconfigError('context', message);
  }
  if (cluster.proxyUrl !== undefined)
    throw new KubeconfigError('kubeconfig', `${where}: proxy-url of "${cluster.name}" is not supported`);
  const user = config.getCurrentUser();
  if (!user) return { config, cluster, tokenFile: undefined };
  const tokenFile = await findTokenFile(user, source);
  giveOwnName(config, user, { region, tokenFile, exec: execOf(user, cluster, source) });
  return { config, cluster, tokenFile };
}

async function readSource(source: KubeSource): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  if ('kubeconfig' in source) readFrom(config, source.kubeconfig);
  else if (process.env.KUBERNETES_SERVICE_HOST !== undefined) config.loadFromCluster();
  else throw new KubeconfigError('in_cluster', 'this server does not run in a pod: KUBERNETES_SERVICE_HOST is not set');
  return config;
}

function readFrom(config: KubeConfig, file: string): void {
  try {
    config.loadFromFile(file); // makes its paths absolute
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : `it cannot be read: ${message}`;
    throw new KubeconfigError('kubeconfig', `${file}: ${why}`, { cause });
  }
}

/** client-node reads a pod's token once a minute, and does not know the `tokenFile` of kubeconfigs at all. */
async function findTokenFile(user: User, source: KubeSource): Promise<string | undefined> {
  if ('in_cluster' in source) return user.authProvider?.config?.tokenFile;
  const document: KubeconfigDocument = parse(await readFile(source.kubeconfig, 'utf8'));
  const found = document.users?.find(({ name }) => name === user.name)?.user?.tokenFile;
  return found === undefined ? undefined : resolve(dirname(source.kubeconfig), found);
}

interface KubeconfigDocument {
  users?: { name?: string; user?: { tokenFile?: string } }[];
}

/** Credentials are cached by the user's name, and must never reach another region: so it has a name of its own. */
function giveOwnName(
  config: KubeConfig,
  user: User,
  { region, tokenFile, exec }: { region: string; tokenFile: string | undefined; exec: unknown },
): void {
  const name = `${region}/${user.name}`;
  const { authProvider, ...rest } = user;
  const own = { ...rest, name, ...(tokenFile === undefined && { authProvider }), exec };
  const current = config.getCurrentContext();
  config.users = config.users.map((each) => (each === user ? own : each));
  config.contexts = config.contexts.map((each) => (each.name === current ? { ...each, user: name } : each));
}

/** Plugins are found and told what they are asked for as by kubectl. */
function execOf({ exec }: User, { server, caData }: Cluster, source: KubeSource) {
  if (!exec) return undefined;
  const { apiVersion, provideClusterInfo, env, command } = exec;
  const about = { server, ...(caData && { 'certificate-authority-data': caData }) };
  const spec = { interactive: false, ...(provideClusterInfo === true && { cluster: about }) };
  const value = JSON.stringify({ apiVersion, kind: 'ExecCredential', spec });
  const isBeside = 'kubeconfig' in source && /^[^/].*\//.test(command);
  return {
    ...exec,
    command: isBeside ? resolve(dirname(source.kubeconfig), command) : command,
    env: [...(env ?? []), { name: 'KUBERNETES_EXEC_INFO', value }],
  };
}
