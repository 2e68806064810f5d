import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import {
  getWorkload,
  listReplicas,
  listWorkloads,
  type Replica,
  readLogs,
  type Workload,
  waitForWorkload,
} from '../sdk/index.ts';
import { type FakeApi, openFakeApi, type Recorded } from './fakes/api.ts';
import * as documents from './fakes/documents.ts';
import { openEcoPty } from './pty.ts';
import { eco, environment, finish, start } from './run-eco.ts';

const ESC = '\u001b';
const line = (replica: string, at: number, text: string) =>
  `${JSON.stringify({ replica: `142-${replica}`, region: 'local-a', at, stream: 'stdout', text })}\n`;
const replicas = (...ids: string[]): Replica[] => ids.map((id) => ({ ...documents.replica(), id: `142-${id}` }));

/** A running workload that ends when the test says so. */
async function openLogs(...ids: string[]): Promise<FakeApi & { terminate(): void }> {
  const api = await openFakeApi();
  const ended = Promise.withResolvers<Workload>();
  api.on(listReplicas, () => documents.pageOf(...replicas(...ids)));
  api.on(getWorkload, () => documents.workload());
  api.on(waitForWorkload, () => ended.promise);
  return Object.assign(api, {
    terminate: () => ended.resolve(documents.workload({ state: 'terminated', revision: 8 })),
  });
}

/** Answers the first call by the first function, and so on. */
function answers(api: FakeApi, ...each: ((res: ServerResponse, recorded: Recorded) => void)[]): void {
  let calls = 0;
  api.raw(readLogs, (res, recorded) => each[calls++]?.(res, recorded));
}

describe('logs -f', () => {
  test('goes on after a lost connection, without a line twice or missing', async () => {
    await using api = await openLogs('a', 'b');
    answers(
      api,
      (res) => res.write(line('a', 5, 'one') + line('b', 6, 'two') + line('b', 6, 'three'), () => res.destroy()),
      (res) => res.end(line('a', 5, 'one') + line('b', 6, 'two') + line('b', 6, 'three') + line('b', 6, 'four')),
      (res) => {
        res.write(line('a', 5, 'one') + ['two', 'three', 'four', 'five'].map((text) => line('b', 6, text)).join(''));
        api.terminate();
      },
    );
    const { code, stdout, stderr } = await eco(['logs', '142', '-f', '--tail', '3'], { api });
    assert.equal(stdout, 'a | one\nb | two\nb | three\nb | four\nb | five\n');
    assert.match(stderr, /Lost the connection to the logs of 142: .*\nReading 142 again from where it broke off\.\n/);
    assert.equal(code, 0);
    const asked = api.calls.filter(({ endpoint }) => endpoint === 'readLogs').map(({ input }) => input);
    assert.deepEqual(asked, [
      { workload: '142', follow: 'true', tail: '3' },
      { workload: '142', follow: 'true', tail: '10000', since: '5' },
      { workload: '142', follow: 'true', tail: '10000', since: '5' },
    ]);
  });

  test('ends with the error where going on is no use', async () => {
    await using api = await openLogs('a');
    answers(
      api,
      (res) => res.write(line('a', 5, 'one'), () => res.destroy()),
      (res) => res.writeHead(401).end('{"error":{"message":"The key was revoked.","code":"invalid_api_key"}}'),
    );
    const { code, stdout, stderr } = await eco(['logs', '142', '-f'], { api });
    assert.deepEqual([code, stdout], [4, 'one\n']);
    assert.match(stderr, /Error: The key was revoked\./);
  });

  test('of several workloads names them, with times if asked', async () => {
    await using api = await openLogs('a');
    api.raw(readLogs, (res, { input }) => {
      const { workload } = input as { workload: string };
      res.write(line('a', 1_760_000_000_000, `of ${workload}`));
      api.terminate();
    });
    const { stdout } = await eco(['logs', 'llama', 'qwen-3', '-f', '--timestamps'], { api });
    assert.deepEqual(stdout.trim().split('\n').toSorted(), [
      'llama/a  | 2025-10-09T08:53:20.000Z of llama',
      'qwen-3/a | 2025-10-09T08:53:20.000Z of qwen-3',
    ]);
  });

  test('at a terminal shows the text, its colours, and nothing else of what was written', async () => {
    await using api = await openLogs('a');
    answers(api, (res) => {
      res.write(line('a', 1, `${ESC}[32mgreen${ESC}[2J${ESC}]0;title\u0007 ${ESC}[1Aup`) + line('a', 2, '1%\r100%'));
      api.terminate();
    });
    await using pty = openEcoPty(['logs', '142', '-f'], { env: environment({ api }) });
    assert.equal((await pty.exited).code, 0);
    assert.deepEqual(pty.screen(), ['green up', '100%']);
    assert.equal(pty.written(), `${ESC}[32mgreen up${ESC}[0m\r\n100%\r\n`);
  });
});

describe('ps -w', () => {
  const listed = (...workloads: Workload[]) => JSON.stringify(documents.pageOf(...workloads));
  const loading = documents.workload({ state: 'loading', revision: 1, message: 'Loading.' });
  const running = documents.workload({ state: 'running', revision: 2, message: 'Ready.' });
  const restarted = (res: ServerResponse) => void res.destroy();

  test('tells each change in a line where nobody watches, and outlives a server that restarts', async () => {
    await using api = await openFakeApi();
    const given = [listed(loading), restarted, listed(running), listed()];
    api.on(getWorkload, () => documents.workload({ state: 'terminated', revision: 3, message: 'Ended.', regions: [] }));
    const over = Promise.withResolvers<void>();
    api.raw(listWorkloads, (res) => {
      const next = given.shift();
      if (next === undefined) over.resolve();
      if (typeof next === 'function') next(res);
      else res.setHeader('content-type', 'application/json').end(next ?? listed());
    });
    const child = start(['ps', '-w'], { api });
    const ended = finish(child);
    await over.promise;
    child.kill('SIGINT');
    const { code, stdout, stderr } = await ended;
    assert.deepEqual(stdout.trim().split('\n'), [
      'my-llama:142  loading  2/2 ready  Loading.',
      'my-llama:142  running  2/2 ready  Ready.',
      'my-llama:142  terminated  Ended.',
    ]);
    assert.match(stderr, /Lost the connection: .* Trying again\.\nThe server answers again\.\n/);
    assert.equal(code, 130);
  });

  test('--json is a document per change', async () => {
    await using api = await openFakeApi();
    api.on(listWorkloads, () => documents.pageOf(loading));
    const child = start(['ps', '-w', '--json'], { api });
    const [first] = await once(child.stdout!, 'data');
    assert.deepEqual(JSON.parse(String(first)), loading);
    child.kill('SIGINT');
    await once(child, 'close');
  });

  test('at a terminal says below that the server is away, and goes on when it is back; a low terminal scrolls', async () => {
    await using api = await openFakeApi();
    const many = Array.from({ length: 9 }, (_, at) => documents.workload({ id: 9 - at, name: `w${9 - at}` }));
    let isAway = false;
    api.raw(listWorkloads, (res) => (isAway ? res.destroy() : res.end(listed(...many))));
    await using pty = openEcoPty(['ps', '-w'], { env: { ...environment({ api }), TERM: 'xterm' }, rows: 8 });
    await pty.until('1–5 of 9, j and k scroll');
    pty.press('j');
    pty.press(`${ESC}[B`);
    await pty.until(/^7 {3}w7[\s\S]*3–7 of 9/m);
    isAway = true;
    await pty.until(/^✗ No news for \d+s; trying again\. No answer from/m);
    isAway = false;
    await pty.until('3–7 of 9');
    assert.equal(pty.screen().length, 7);
    pty.press('\u0003');
    assert.equal((await pty.exited).code, 130);
  });
});

describe('what is loaded', () => {
  test('ink and react only where a person watches', async () => {
    await using api = await openFakeApi();
    api.on(listWorkloads, () => documents.pageOf(documents.workload()));
    const hook = `import { registerHooks } from 'node:module'; registerHooks({ load(url, context, next) { if (/node_modules.(ink|react)[/]/.test(url)) process.stderr.write('loaded ' + url + String.fromCharCode(10)); return next(url, context); } });`;
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}` };
    for (const args of [['--version'], ['ps'], ['wait', '--help']])
      assert.doesNotMatch((await eco(args, { api, env })).stderr, /loaded/, args.join(' '));
    await using pty = openEcoPty(['ps', '-w'], { env: environment({ api, env: { ...env, TERM: 'xterm' } }) });
    await pty.until('q leaves');
    assert.match(pty.written(), /loaded .*react/);
  });
});
