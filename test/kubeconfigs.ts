import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Kubeconfig extends Disposable {
  /** Where it stands, for files that it names. */
  folder: string;
  path: string;
}

/** A kubeconfig of one context `main`, in a folder of its own that goes with the test. */
export function writeKubeconfig(cluster: Record<string, unknown>, user: Record<string, unknown> = {}): Kubeconfig {
  const folder = mkdtempSync(join(tmpdir(), 'eco-kubeconfig-'));
  const path = join(folder, 'config.json');
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'main',
    clusters: [{ name: 'main', cluster }],
    users: [{ name: 'someone', user }],
    contexts: [{ name: 'main', context: { cluster: 'main', user: 'someone' } }],
  };
  writeFileSync(path, JSON.stringify(document));
  return { folder, path, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}
