import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LogLine } from '../../sdk/contract/index.ts';
import { Eco } from '../../sdk/index.ts';
import { RegionCache } from '../../server/cluster/kubernetes/cache.ts';
import { Connection } from '../../server/cluster/kubernetes/client/connection.ts';
import { openCredentials } from '../../server/cluster/kubernetes/client/credentials.ts';
import { type ExecRequest, exec } from '../../server/cluster/kubernetes/client/exec.ts';
import { readPodLogs } from '../../server/cluster/kubernetes/logs.ts';
import { openLog } from '../../server/log.ts';
import { startServer } from '../../server/serve.ts';
import { until } from '../until.ts';
import { type Kube, type KubeRegion, startKube, whyNoRig } from './harness.ts';
import { containerOf, type PodObject, Pods, scriptPod } from './pods.ts';
import { startKubeEco } from './start-kube-eco.ts';

interface Opened extends AsyncDisposable {
  region: KubeRegion;
  pods: Pods;
  connection: Connection;
  cache: RegionCache;
}

/** A region with a namespace for tests, as the driver sees it. */
async function open(kube: Kube, region: KubeRegion): Promise<Opened> {
  const pods = new Pods(region.api, await kube.newNamespace(region));
  const connection = new Connection(await openCredentials(region.name, { kubeconfig: region.kubeconfig }));
  const cache = new RegionCache({ connection, installation: 'none', onChange() {}, clock: Date.now });
  return {
    region,
    pods,
    connection,
    cache,
    async [Symbol.asyncDispose]() {
      await cache[Symbol.asyncDispose]();
      await connection[Symbol.asyncDispose]();
    },
  };
}

const runs = ({ pods }: Opened, name: string) => pods.until(name, 'runs', (pod) => containerOf(pod)?.state.running);

/** Lines as they come, until it is disposed of. */
async function readLog(
  { region, connection, cache }: Opened,
  { metadata: { uid } }: PodObject,
  query: { follow?: boolean; previous?: boolean } = {},
) {
  await until('the cache knows the pod', () => cache.pods.has(uid));
  const stop = new AbortController();
  const lines: LogLine[] = [];
  const pods = () => [...cache.pods.values()].filter(({ metadata }) => metadata.uid === uid);
  const context = { connection, region: region.name, pods, isOver: () => pods().length === 0, mask: String };
  const all = { follow: false, previous: false, since: 0, tail: -1, ...query };
  const reading = (async () => {
    for await (const line of readPodLogs(context, { query: all, signal: stop.signal })) lines.push(line);
  })();
  return {
    texts: () => lines.map(({ text }) => text),
    reading,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await reading.catch(() => {});
    },
  };
}

/** A command in a pod, with what it said. */
async function run(
  { connection, pods: { namespace } }: Opened,
  name: string,
  request: Partial<ExecRequest> & Pick<ExecRequest, 'command'>,
) {
  const said = { stdout: '', stderr: '' };
  const output = (stream: 'stdout' | 'stderr', bytes: Buffer) => {
    said[stream] += bytes;
  };
  const all = { tty: false, stdin: false, ...request };
  return { said, session: await exec(connection, { name, namespace }, all, { output }) };
}

const sh = (script: string) => ['sh', '-c', script];

describe('logs and commands of pods', { skip: whyNoRig(), concurrency: true }, () => {
  const owned = new AsyncDisposableStack();
  let eu: Opened;

  before(async () => {
    const kube = owned.use(await startKube());
    eu = owned.use(await open(kube, kube.regions[0]));
    await eu.pods.create(scriptPod('shell', 'exec sleep 600'));
    await runs(eu, 'shell');
  });
  after(() => owned.disposeAsync());

  const restarted = async (name: string) => {
    await eu.region.rig.killPod(`${eu.pods.namespace}/${name}`);
    const isBack = (pod: PodObject) => containerOf(pod)?.restartCount === 1 && containerOf(pod)?.state.running;
    return eu.pods.until(name, 'is restarted', isBack);
  };

  test('a followed log goes on over a restart, with every line once', async () => {
    const script = 'echo begins; i=0; while [ $i -lt 5 ]; do i=$((i+1)); echo line $i; done; exec sleep 600';
    const pod = await eu.pods.create(scriptPod('talker', script));
    await runs(eu, 'talker');
    await using log = await readLog(eu, pod, { follow: true });
    const once = ['begins', 'line 1', 'line 2', 'line 3', 'line 4', 'line 5'];
    await until('the first run is read', () => log.texts().length === once.length);
    await restarted('talker');
    await until('the second run is read', () => log.texts().length === 2 * once.length);
    assert.deepEqual(log.texts(), [...once, ...once]);
  });

  test('the log of the container before is there, to its last word without a line end', async () => {
    const script = '[ -e been ] && exec sleep 600; touch been; echo first; printf "last words"; exec sleep 600';
    const pod = await eu.pods.create(scriptPod('crashed', script));
    await runs(eu, 'crashed');
    await restarted('crashed');
    const read = async () => {
      await using log = await readLog(eu, pod, { previous: true });
      await log.reading;
      return log.texts();
    };
    assert.deepEqual(await until('it can be read', async () => (await read()).length > 0 && read()), [
      'first',
      'last words',
    ]);
  });

  test('a followed log loses nothing when it is rotated', { timeout: 120_000 }, async () => {
    const pod = await eu.pods.create(scriptPod('flood', FLOOD));
    await runs(eu, 'flood');
    await using log = await readLog(eu, pod, { follow: true });
    await until('it was rotated and went on', () => log.texts().at(-1) === 'end', 100_000);
    const numbers = log
      .texts()
      .slice(0, -1)
      .map((text) => Number.parseInt(text, 10));
    assert.deepEqual(
      numbers,
      Array.from({ length: numbers.length }, (_, index) => index + 1),
    );
    assert.ok(numbers.length > FLOOD_LINES);
    await eu.pods.remove('flood');
  });

  test('a command has its exit code, and its outputs apart', async () => {
    const { said, session } = await run(eu, 'shell', { command: sh('echo out; echo err >&2; exit 7') });
    assert.equal(await session.exit, 7);
    assert.deepEqual(said, { stdout: 'out\n', stderr: 'err\n' });
    assert.equal(await (await run(eu, 'shell', { command: ['true'] })).session.exit, 0);
  });

  test('a megabyte goes in and comes out, and the end of input is heard', async () => {
    const { said, session } = await run(eu, 'shell', { command: ['cat'], stdin: true });
    const line = Buffer.from(`${'x'.repeat(1023)}\n`);
    for (let sent = 0; sent < 1024; sent++) if (!session.write(line)) await session.drained();
    session.endInput();
    assert.equal(await session.exit, 0);
    assert.equal(said.stdout, line.toString().repeat(1024));
  });

  for (const protocol of ['v5.channel.k8s.io', 'v4.channel.k8s.io'])
    test(`a terminal knows its size and follows it, by ${protocol}`, async () => {
      const { said, session } = await run(eu, 'shell', {
        command: ['sh'],
        tty: true,
        stdin: true,
        protocols: [protocol],
      });
      session.resize({ columns: 123, rows: 45 });
      session.write(Buffer.from("until stty size | grep '45 123'; do sleep 0.1; done\n"));
      await until('the size is told', () => said.stdout.includes('45 123\r\n'));
      session.resize({ columns: 80, rows: 24 });
      session.write(Buffer.from("until stty size | grep '24 80'; do sleep 0.1; done; exit 3\n"));
      assert.equal(await session.exit, 3);
      assert.match(said.stdout, /24 80\r\n/);
      assert.equal(said.stderr, '');
    });

  test('on a server that cannot hear the end of input, ending it ends the session', async () => {
    const { session } = await run(eu, 'shell', { command: ['cat'], stdin: true, protocols: ['v4.channel.k8s.io'] });
    session.endInput();
    await assert.rejects(session.exit, /closed \(\d+\) before its command had ended/);
  });

  test('a command that says nothing for longer than several pings keeps its connection', async () => {
    const { session } = await run(eu, 'shell', { command: sh('sleep 2; exit 4'), pingMs: 500 });
    assert.equal(await session.exit, 4);
  });

  test('what cannot be run says why', async () => {
    const { session } = await run(eu, 'shell', { command: ['no-such-program'] });
    await assert.rejects(session.exit, /executable file not found/);
    await assert.rejects(run(eu, 'no-such-pod', { command: ['true'] }), { status: 404, reason: 'NotFound' });
  });
});

describe('logs and commands of pods, while their region breaks', { skip: whyNoRig() }, () => {
  const owned = new AsyncDisposableStack();
  let us: Opened;

  before(async () => {
    const kube = owned.use(await startKube());
    us = owned.use(await open(kube, kube.regions[1]));
  });
  after(() => owned.disposeAsync());

  test('a followed log goes on when its API server is back, and says meanwhile that it cannot', async () => {
    const pod = await us.pods.create(scriptPod('ticker', 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.2; done'));
    await runs(us, 'ticker');
    await using log = await readLog(us, pod, { follow: true });
    const ticks = () => log.texts().map(Number).filter(Boolean);
    await until('it ticks', () => ticks().length > 2);
    await us.region.rig.stop('kube-apiserver', { force: true });
    await until('it is said', () => log.texts().some((text) => /^\[ecolink\] us-2 cannot be asked/.test(text)));
    const told = ticks().length;
    await us.region.rig.start('kube-apiserver');
    await until('it goes on', () => ticks().length > told + 5);
    assert.deepEqual(
      ticks(),
      ticks().map((_, index) => index + 1),
    );
  });

  test('a session whose pings are not answered ends', async () => {
    await us.pods.create(scriptPod('quiet', 'exec sleep 600'));
    await runs(us, 'quiet');
    const { session } = await run(us, 'quiet', { command: ['sleep', '600'], pingMs: 200 });
    us.region.rig.pause('kube-apiserver');
    try {
      await assert.rejects(session.exit, /closed \(1006\)/);
    } finally {
      us.region.rig.resume('kube-apiserver');
    }
  });

  test('a session ends when its container dies', async () => {
    await us.pods.create(scriptPod('mortal', 'exec sleep 600'));
    const { spec } = await runs(us, 'mortal');
    const { session } = await run(us, 'mortal', { command: ['sleep', '600'] });
    await us.region.rig.stop(spec.nodeName!, { force: true });
    await assert.rejects(session.exit);
    await us.region.rig.start(spec.nodeName!);
  });
});

describe('a secret that a container writes', { skip: whyNoRig() }, () => {
  test('is masked in its log, also by a server that has just been started', async () => {
    await using eco = await startKubeEco();
    const secret = 's3cr3t-value';
    const { id } = await eco.launch({
      image: 'local/sh',
      command: sh('echo "the token is $TOKEN"; exec sleep 600'),
      secrets: { TOKEN: secret },
      regions: ['eu-1'],
      startup_seconds: 600,
    });
    const firstLine = ({ workloads }: Eco) =>
      until('it has written', async () => (await Array.fromAsync(workloads.logs(id, { tail: 10 })))[0]?.text, 60_000);
    assert.equal(await firstLine(eco.eco), 'the token is ********');
    await eco.server.drain();
    await using restarted = await startServer(eco.server.context.config, openLog('silent'));
    const client = new Eco({ apiKey: eco.apiKey, baseUrl: restarted.url });
    assert.equal(await firstLine(client), 'the token is ********');
    await eco.kube.regions[0].api('DELETE', `/api/v1/namespaces/${eco.namespace}`);
  });
});

const FLOOD_LINES = 12_000;

/** 12 MB of numbered lines at once, of which kubelets keep 10 in one file, then some at a time until it was rotated. */
const FLOOD = `awk 'BEGIN { for (i = 1; i <= ${FLOOD_LINES}; i++) { printf "%d ", i; for (j = 0; j < 100; j++) printf "0123456789"; print "" } }'
i=${FLOOD_LINES}
while [ $i -lt ${FLOOD_LINES + 150} ]; do i=$((i+1)); echo $i; sleep 0.1; done
echo end; exec sleep 600`;
