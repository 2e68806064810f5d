import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLines } from '../../server/cluster/kubernetes/client/lines.ts';
import type { KubeRegion } from './harness.ts';

/** A request that an API server was sent. */
export interface Asked {
  method: string;
  url: URL;
  authorization: string | undefined;
  body: string;
  /** On the clock of `performance`. */
  at: number;
  /** 0: it has not been answered by the API server. */
  status: number;
}

/** What happens to requests on their way; what is left out happens to none. */
export interface Way {
  /** Before a request is sent on. True: it is answered already. */
  before?(asked: Asked, response: ServerResponse): boolean | Promise<boolean>;
  /** When its answer is there, and not passed on yet. */
  after?(asked: Asked): void | Promise<void>;
  /** What is passed on in place of a line of a watch. */
  line?(line: string): readonly string[] | Promise<readonly string[]>;
}

/** A network between a server and one region's API server, that sees what is asked and can be bad in every way. */
export interface KubeProxy extends AsyncDisposable {
  /** The region as it is reached through here, as whoever its kubeconfig is for. */
  region: KubeRegion;
  /** Oldest first. */
  asked: Asked[];
  way: Way;
  /** Ends all watches that are open, with a last line or, without one, by breaking their connections. */
  endWatches(last?: string): void;
}

/** For a region of the rig whose kubeconfig holds a token, which is passed on. */
export async function openKubeProxy(region: KubeRegion): Promise<KubeProxy> {
  const config = JSON.parse(readFileSync(region.kubeconfig, 'utf8'));
  const { cluster } = config.clusters[0];
  const target = {
    origin: cluster.server,
    agent: new Agent({ keepAlive: true, ca: Buffer.from(cluster['certificate-authority-data'], 'base64') }),
  };
  const asked: Asked[] = [];
  const watches = new Set<ServerResponse>();

  const answer = async (incoming: IncomingMessage, response: ServerResponse) => {
    const seen = await note(incoming, target.origin);
    asked.push(seen);
    if (await proxy.way.before?.(seen, response)) return;
    const answered = await sendOn(seen, incoming, { ...target, response });
    seen.status = answered.statusCode ?? 0;
    const isStream = ['watch', 'follow'].some((name) => seen.url.searchParams.get(name) === 'true');
    if (isStream) return passLines(answered, response);
    const body = await readAll(answered);
    await proxy.way.after?.(seen);
    response.writeHead(seen.status, headersOf(answered)).end(body);
  };

  const passLines = async (answered: IncomingMessage, response: ServerResponse) => {
    response.writeHead(answered.statusCode ?? 0, headersOf(answered)).flushHeaders();
    watches.add(response);
    response.on('close', () => watches.delete(response));
    for await (const line of readLines(answered))
      for (const each of (await proxy.way.line?.(line)) ?? [line]) response.write(`${each}\n`);
    response.end();
  };

  const server = createServer(certificateOf(region), (incoming, response) => {
    answer(incoming, response).catch(() => response.destroy()); // the API server is away
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = mkdtempSync(join(tmpdir(), 'eco-kube-proxy-'));
  const kubeconfig = join(folder, 'kubeconfig.json');
  cluster.server = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  cluster['tls-server-name'] = 'kubernetes';
  writeFileSync(kubeconfig, JSON.stringify(config));

  const proxy: KubeProxy = {
    region: { ...region, kubeconfig },
    asked,
    way: {},
    endWatches(last) {
      for (const watch of watches) last === undefined ? watch.destroy() : watch.end(`${last}\n`);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      target.agent.destroy();
      rmSync(folder, { recursive: true });
    },
  };
  return proxy;
}

async function note(incoming: IncomingMessage, origin: string): Promise<Asked> {
  const { method = '', url = '', headers } = incoming;
  const at = performance.now();
  const body = (await readAll(incoming)).toString('utf8');
  return { method, url: new URL(url, origin), authorization: headers.authorization, body, at, status: 0 };
}

interface Onward {
  agent: Agent;
  /** When its connection is gone nobody waits any more. */
  response: ServerResponse;
}

const sendOn = ({ method, url, body }: Asked, { headers }: IncomingMessage, { agent, response }: Onward) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request(url, { method, agent, headers: { ...headers, host: url.host } }, resolve);
    sent.on('error', reject).end(body);
    response.on('close', () => sent.destroy());
  });

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(stream));
}

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length']);

const headersOf = ({ headers }: IncomingMessage) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));

/** The API server's own. */
const certificateOf = ({ name, rig }: KubeRegion) => {
  const [cert, key] = ['crt', 'key'].map((end) => readFileSync(join(rig.dir, name, 'pki', `apiserver.${end}`)));
  return { cert, key };
};
