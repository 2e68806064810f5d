import { existsSync, statSync } from 'node:fs';
import { findProjectFile } from '../config/project-file.ts';
import { OWNER_ONLY, readUserFile, userFilePath } from '../config/user-file.ts';
import { type Check, failed, ok, reasonOf, warning } from './check.ts';

const NODE_MIN = [22, 19] as const;

/** What can be told without the network. */
export function checkMachine(env: NodeJS.ProcessEnv, baseUrl: string): Check[] {
  return [
    checkNode(process.versions.node),
    checkUserFile(userFilePath(env)),
    ...checkProject(),
    ...checkProxy(env, baseUrl),
  ];
}

export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isEnough = major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
  if (isEnough) return ok('node', `v${version}`);
  return failed(
    'node',
    `v${version}, and eco needs ${NODE_MIN.join('.')} or newer`,
    'Install a newer Node: https://nodejs.org',
  );
}

export function checkUserFile(path: string): Check {
  if (!existsSync(path)) return ok('settings', `none yet (${path})`);
  try {
    readUserFile(path);
  } catch (error) {
    return failed(
      'settings',
      error instanceof Error ? error.message : String(error),
      `Mend it, or begin anew: rm ${path}`,
    );
  }
  const mode = statSync(path).mode & 0o777;
  if (process.platform === 'win32' || mode === OWNER_ONLY) return ok('settings', path);
  return failed(
    'settings',
    `${path} holds keys and others may read it (mode ${mode.toString(8)})`,
    `chmod 600 ${path}`,
  );
}

function checkProject(): Check[] {
  try {
    const project = findProjectFile();
    return project
      ? [ok('project', `${project.path} sets ${Object.keys(project.values).join(', ') || 'nothing'}`)]
      : [];
  } catch (error) {
    return [failed('project', reasonOf({ message: (error as Error).message }), 'eco config list')];
  }
}

/** Node goes through a proxy only when told to: a variable alone explains why curl gets there and eco does not. */
export function checkProxy(env: NodeJS.ProcessEnv, baseUrl: string): Check[] {
  const { protocol, hostname } = new URL(baseUrl);
  const names = protocol === 'https:' ? ['HTTPS_PROXY', 'https_proxy'] : ['HTTP_PROXY', 'http_proxy'];
  const name = names.find((each) => env[each]);
  if (name === undefined || isExempt(hostname, env.NO_PROXY ?? env.no_proxy ?? '')) return [];
  if (env.NODE_USE_ENV_PROXY === '1') return [ok('proxy', `${name} is used`)];
  return [
    warning('proxy', `${name} is set, but eco connects directly`, 'To go through it: export NODE_USE_ENV_PROXY=1'),
  ];
}

const isExempt = (hostname: string, list: string) =>
  list.split(',').some((each) => {
    const suffix = each.trim().replace(/^\*?\.?/, '');
    return each.trim() === '*' || (suffix !== '' && (hostname === suffix || hostname.endsWith(`.${suffix}`)));
  });
