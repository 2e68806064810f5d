import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LogLine } from '../sdk/contract/index.ts';
import { Connection } from '../server/cluster/kubernetes/client/connection.ts';
import { openCredentials } from '../server/cluster/kubernetes/client/credentials.ts';
import { readPodLogs } from '../server/cluster/kubernetes/logs.ts';
import type { Pod } from '../server/cluster/kubernetes/objects.ts';
import { type FakeKubeApi, type KubeHandler, openFakeKubeApi, refuse } from './fakes/kube-api.ts';
import { writeKubeconfig } from './kubeconfigs.ts';

const POD: Pod = { metadata: { name: 'one', namespace: 'ns', uid: 'u1' }, spec: { containers: [] } };
const FOLLOW = { tail: 10, since: 0, follow: true, previous: false };
const stamp = (second: number) => new Date(second * 1000).toISOString();

describe('the log of a pod that is followed', () => {
  const owned = new AsyncDisposableStack();
  let fake: FakeKubeApi;
  let connection: Connection;

  before(async () => {
    fake = owned.use(await openFakeKubeApi());
    const { path } = owned.use(writeKubeconfig({ server: fake.server }));
    connection = owned.use(new Connection(await openCredentials('eu-1', { kubeconfig: path })));
  });
  after(() => owned.disposeAsync());

  /** All lines, when each request is answered by the next of these. After the last one the pod is gone. */
  async function read(answers: KubeHandler[], query = FOLLOW): Promise<LogLine[]> {
    const left = [...answers];
    fake.requests.length = 0;
    fake.answer((response, request) => left.shift()?.(response, request));
    const pods = () => (left.length > 0 ? [POD] : []);
    const isOver = () => left.length === 0;
    const context = { connection, region: 'eu-1', pods, isOver, mask: (text: string) => text, retryMs: 1 };
    return Array.fromAsync(readPodLogs(context, { query, signal: AbortSignal.timeout(10_000) }));
  }
  const says =
    (...seconds: number[]): KubeHandler =>
    (response) =>
      void response.end(seconds.map((second) => `${stamp(second)} line ${second}\n`).join(''));
  const refuses =
    (code: number): KubeHandler =>
    (response) =>
      refuse(response, code, `because ${code}`);
  const texts = (lines: LogLine[]) => lines.map(({ text }) => text);

  test('goes on where it was after its region was away, and says so once that takes long', async () => {
    const away = [refuses(503), refuses(500), refuses(429), refuses(503), refuses(503)];
    const lines = await read([says(1, 2), ...away, says(2, 3)]);
    const note = '[ecolink] eu-1 cannot be asked for this log: refused: because 503. It goes on when it can.';
    assert.deepEqual(texts(lines), ['line 1', 'line 2', note, 'line 3']);
    const [first, , , , , , last] = fake.requests.map(({ url }) => url.searchParams);
    assert.deepEqual([first?.get('tailLines'), first?.get('sinceTime')], ['10', null]);
    assert.deepEqual([last?.get('tailLines'), last?.get('sinceTime')], [null, stamp(2)]);
  });

  test('is not asked for more than its tail by an outage at the beginning', async () => {
    await read([refuses(503), says(1)]);
    assert.deepEqual(
      fake.requests.map(({ url }) => url.searchParams.get('tailLines')),
      ['10', '10'],
    );
  });

  test('ends with what the region refuses, unless it is granted at the next try', async () => {
    await assert.rejects(read([refuses(403), refuses(403), says(1)]), { status: 403, message: /because 403/ });
    assert.deepEqual(texts(await read([refuses(401), says(1)])), ['line 1']);
  });

  test('is waited for as long as its container has not begun', async () => {
    const waiting = Array.from({ length: 6 }, () => refuses(400));
    assert.deepEqual(texts(await read([...waiting, says(1)])), ['line 1']);
  });

  test('ends with its pod', async () => {
    assert.deepEqual(texts(await read([says(1), refuses(404)])), ['line 1']);
  });

  test('is in order also where a node leaves out the zeros of a fraction, or writes times of another zone', async () => {
    const times = ['00:00:05Z', '00:00:05.1Z', '00:00:05.12Z', '00:00:05.12345Z', '02:00:05.123456789+02:00'];
    const answer: KubeHandler = (response) => {
      response.end(times.map((time) => `2026-11-21T${time} ${time}\n`).join(''));
    };
    assert.deepEqual(texts(await read([answer, says(1)])), times);
  });

  test('has also the lines of pods that come later, and ends with the last one', async () => {
    const other: Pod = { ...POD, metadata: { ...POD.metadata, name: 'two', uid: 'u2' } };
    fake.requests.length = 0;
    fake.answer((response, { url }) => void response.end(`${stamp(1)} of ${url.pathname.split('/').at(-2)}\n`));
    const isAsked = (name: string) => fake.requests.some(({ url }) => url.pathname.includes(`/${name}/`));
    const pods = () => (isAsked('two') ? [] : isAsked('one') ? [POD, other] : [POD]);
    const context = { connection, region: 'eu-1', pods, isOver: () => isAsked('two'), mask: String, retryMs: 10 };
    const lines = await Array.fromAsync(readPodLogs(context, { query: FOLLOW, signal: AbortSignal.timeout(10_000) }));
    assert.deepEqual(texts(lines), ['of one', 'of two']);
  });

  test('of a previous container is read once', async () => {
    assert.deepEqual(texts(await read([says(1), says(2)], { ...FOLLOW, previous: true })), ['line 1']);
    assert.equal(fake.requests[0]?.url.searchParams.get('follow'), null);
  });
});
