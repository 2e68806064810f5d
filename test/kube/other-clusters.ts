import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { type Api, openApi } from './api.ts';
import type { KubeRegion } from './harness.ts';

/** Somebody's clusters by their kubeconfigs: regions `other-1`, `other-2`, … */
export function openOtherClusters(kubeconfigs: readonly string[]): Promise<KubeRegion[]> {
  return Promise.all(
    kubeconfigs.map(async (kubeconfig, index) => {
      const api = await openByKubeconfig(kubeconfig);
      const { items }: { items: { metadata: { name: string } }[] } = await api('GET', '/api/v1/nodes');
      return {
        name: `other-${index + 1}`,
        kubeconfig,
        api,
        nodes: items.map(({ metadata }) => metadata.name),
        get rig(): never {
          throw new Error(`${kubeconfig} is not of the rig; leave this test out by { skip: whyNoRig() }`);
        },
      };
    }),
  );
}

async function openByKubeconfig(file: string): Promise<Api> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromString(readFileSync(file, 'utf8'));
  const headers: Record<string, string> = {};
  const options: RequestOptions = { headers };
  await config.applyToHTTPSOptions(options);
  const { ca, cert, key } = options;
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) throw new Error(`${file} names no cluster`);
  return openApi({ server, headers, ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) });
}
