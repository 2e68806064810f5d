import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LogLine } from '../../sdk/contract/index.ts';
import { RegionCache } from '../../server/cluster/kubernetes/cache.ts';
import { Connection } from '../../server/cluster/kubernetes/client/connection.ts';
import { openCredentials } from '../../server/cluster/kubernetes/client/credentials.ts';
import { type ExecRequest, exec } from '../../server/cluster/kubernetes/client/exec.ts';
import { readPodLogs } from '../../server/cluster/kubernetes/logs.ts';
import { until } from '../until.ts';
import { type Kube, type KubeRegion, startKube, whyNoRig } from './harness.ts';
import { containerOf, type PodObject, Pods, scriptPod } from './pods.ts';

const noRig = whyNoRig();

describe('logs and commands of pods', { skip: noRig }, () => {
  let kube: Kube;
  let eu: KubeRegion;
  let pods: Pods;
  let connection: Connection;
  let cache: RegionCache;

  before(async () => {
    kube = await startKube();
    [eu] = kube.regions;
    pods = new Pods(eu.api, await kube.newNamespace(eu));
    connection = new Connection(await openCredentials(eu.name, { kubeconfig: eu.kubeconfig }));
    cache = new RegionCache({ connection, installation: 'none', onChange() {}, clock: Date.now });
    await pods.create(scriptPod('shell', 'exec sleep 600'));
    await runs('shell');
  });
  after(async () => {
    await cache?.[Symbol.asyncDispose]();
    await connection?.[Symbol.asyncDispose]();
    await kube?.[Symbol.asyncDispose]();
  });

  const runs = (name: string) => pods.until(name, 'runs', (pod) => containerOf(pod)?.state.running);
  const killed = async (name: string, restarts: number) => {
    await eu.rig.killPod(`${pods.namespace}/${name}`);
    const isBack = (pod: PodObject) => containerOf(pod)?.restartCount === restarts && containerOf(pod)?.state.running;
    return pods.until(name, 'is restarted', isBack);
  };

  /** Lines as they come, until it is disposed of. */
  function readLog({ metadata }: PodObject, query: { follow?: boolean; previous?: boolean } = {}) {
    const stop = new AbortController();
    const lines: LogLine[] = [];
    const context = {
      connection,
      region: eu.name,
      find: (uid: string) => cache.pods.get(uid),
      mask: (text: string) => text,
    };
    const known = cache.pods.get(metadata.uid);
    assert.ok(known, 'the cache knows the pod');
    const all = { follow: false, previous: false, since: 0, tail: -1, ...query };
    const reading = (async () => {
      for await (const line of readPodLogs(context, [known], { query: all, signal: stop.signal })) lines.push(line);
    })();
    const texts = () => lines.map(({ text }) => text);
    return {
      texts,
      reading,
      async [Symbol.asyncDispose]() {
        stop.abort();
        await reading.catch(() => {});
      },
    };
  }

  test('a followed log goes on over a restart, with every line once', async () => {
    const script = 'echo begins; i=0; while [ $i -lt 5 ]; do i=$((i+1)); echo line $i; done; exec sleep 600';
    const pod = await pods.create(scriptPod('talker', script));
    await runs('talker');
    await until('the cache knows it', () => cache.pods.has(pod.metadata.uid));
    await using log = readLog(pod, { follow: true });
    const once = ['begins', 'line 1', 'line 2', 'line 3', 'line 4', 'line 5'];
    await until('the first run is read', () => log.texts().length === once.length);
    await killed('talker', 1);
    await until('the second run is read', () => log.texts().length === 2 * once.length);
    assert.deepEqual(log.texts(), [...once, ...once]);
  });

  test('the log of the container before is there, to its last word without a line end', async () => {
    const script = '[ -e been ] && exec sleep 600; touch been; echo first; printf "last words"; exec sleep 600';
    const pod = await pods.create(scriptPod('crashed', script));
    await runs('crashed');
    await killed('crashed', 1);
    await until('the cache knows it', () => cache.pods.has(pod.metadata.uid));
    const read = async () => {
      await using log = readLog(pod, { previous: true });
      await log.reading;
      return log.texts();
    };
    assert.deepEqual(await until('it can be read', async () => (await read()).length > 0 && read()), [
      'first',
      'last words',
    ]);
  });

  test('a followed log loses nothing when it is rotated', { timeout: 60_000 }, async () => {
    const pod = await pods.create(scriptPod('flood', FLOOD));
    await runs('flood');
    await until('the cache knows it', () => cache.pods.has(pod.metadata.uid));
    await using log = readLog(pod, { follow: true });
    await until('it was rotated and went on', () => log.texts().at(-1) === 'end', 50_000);
    const numbers = log
      .texts()
      .slice(0, -1)
      .map((text) => Number.parseInt(text, 10));
    assert.deepEqual(
      numbers,
      Array.from({ length: numbers.length }, (_, index) => index + 1),
    );
    assert.ok(numbers.length > FLOOD_LINES);
  });

  /** A command, with what it said. */
  async function run(request: Partial<ExecRequest> & Pick<ExecRequest, 'command'>, name = 'shell') {
    const said = { stdout: '', stderr: '' };
    const output = (stream: 'stdout' | 'stderr', bytes: Buffer) => {
      said[stream] += bytes;
    };
    const pod = { name, namespace: pods.namespace };
    return { said, session: await exec(connection, pod, { tty: false, stdin: false, ...request }, { output }) };
  }
  const sh = (script: string) => ['sh', '-c', script];

  test('a command has its exit code, and its outputs apart', async () => {
    const { said, session } = await run({ command: sh('echo out; echo err >&2; exit 7') });
    assert.equal(await session.exit, 7);
    assert.deepEqual(said, { stdout: 'out\n', stderr: 'err\n' });
    assert.equal(await (await run({ command: ['true'] })).session.exit, 0);
  });

  test('a megabyte goes in and comes out, and the end of input is heard', async () => {
    const { said, session } = await run({ command: ['cat'], stdin: true });
    const line = Buffer.from(`${'x'.repeat(1023)}\n`);
    for (let sent = 0; sent < 1024; sent++) if (!session.write(line)) await session.drained();
    session.endInput();
    assert.equal(await session.exit, 0);
    assert.equal(said.stdout, line.toString().repeat(1024));
  });

  for (const protocol of ['v5.channel.k8s.io', 'v4.channel.k8s.io'])
    test(`a terminal knows its size and follows it, by ${protocol}`, async () => {
      const { said, session } = await run({ command: ['sh'], tty: true, stdin: true, protocols: [protocol] });
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
    const { session } = await run({ command: ['cat'], stdin: true, protocols: ['v4.channel.k8s.io'] });
    session.endInput();
    await assert.rejects(session.exit, /closed \(\d+\) before its command had ended/);
  });

  test('what cannot be run says why', async () => {
    const { session } = await run({ command: ['no-such-program'] });
    await assert.rejects(session.exit, /executable file not found/);
    await assert.rejects(run({ command: ['true'] }, 'no-such-pod'), { status: 404, reason: 'NotFound' });
  });

  test('a session ends when its container dies', async () => {
    await pods.create(scriptPod('mortal', 'exec sleep 600'));
    await runs('mortal');
    const { session } = await run({ command: ['sleep', '600'] }, 'mortal');
    await eu.rig.stop((await pods.get('mortal')).spec.nodeName!, { force: true });
    await assert.rejects(session.exit);
    await eu.rig.start((await pods.get('mortal')).spec.nodeName!);
  });
});

const FLOOD_LINES = 12_000;

/** 12 MB of numbered lines at once, of which kubelets keep 10 in one file, then some at a time until it was rotated. */
const FLOOD = `awk 'BEGIN { for (i = 1; i <= ${FLOOD_LINES}; i++) { printf "%d ", i; for (j = 0; j < 100; j++) printf "0123456789"; print "" } }'
i=${FLOOD_LINES}
while [ $i -lt ${FLOOD_LINES + 150} ]; do i=$((i+1)); echo $i; sleep 0.1; done
echo end; exec sleep 600`;
