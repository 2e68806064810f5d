import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type { Deployment, Evidence } from '../server/cluster/driver.ts';
import { backOffMs } from '../server/cluster/local/back-off.ts';
import { LINE_MAX_CHARS, LogFile, logFiles } from '../server/cluster/local/log-file.ts';
import { readOn, readTail } from '../server/cluster/local/log-reader.ts';
import { planSlots, type Standing } from '../server/cluster/local/plan.ts';
import { findStartTime, isAlive } from '../server/cluster/local/process.ts';
import { type LocalRegion, type LocalRegionOptions, openLocalRegion } from '../server/cluster/local/region.ts';
import { MASK, openMask } from '../server/cluster/mask.ts';
import { openLog } from '../server/log.ts';
import { findProcesses } from './crash/processes.ts';
import { until } from './until.ts';

/** Counts on stdout, serves 200 on every path, exits with 7 on /exit, and takes a while to end when told. */
const COUNTER = `
  let count = 0, sick = false;
  const say = () => process.stdout.write('count ' + ++count + '\\n');
  setInterval(say, 5);
  process.on('SIGTERM', () => { process.stdout.write('draining\\n'); setTimeout(() => process.exit(0), Number(process.env.DRAIN ?? 0)); });
  require('node:http').createServer((request, response) => {
    if (request.url === '/sicken' || request.url === '/heal') sick = request.url === '/sicken';
    if (request.url === '/health' && sick) response.statusCode = 500;
    if (request.url === '/exit') { process.stderr.write('fatal: told to, key ' + process.env.SECRET + '\\n'); process.exit(7); }
    response.end(JSON.stringify(process.env));
  }).listen(process.env.PORT, process.env.HOST);
`;

const base: Deployment = {
  workload_id: 142,
  uid: 'uid-142',
  account_id: 'acc_test',
  name: 'counter',
  region: 'local-a',
  generation: 1,
  replicas: 1,
  image: 'none',
  engine: 'custom',
  command: [process.execPath, '-e', COUNTER],
  args: [],
  env: {},
  secrets: { SECRET: 'hunter2-hunter2' },
  gpu: { type: 'h100', count: 1 },
  mounts: [],
  port: null,
  health_path: '/health',
  startup_seconds: 20,
  grace_seconds: 5,
};

interface Bench extends AsyncDisposable {
  options: Omit<LocalRegionOptions, 'log' | 'clock'>;
  open(changes?: Partial<LocalRegionOptions>): Promise<LocalRegion>;
}

/** A folder for a region; whatever runs in it is ended with the test. */
function makeBench(settings: Partial<LocalRegionOptions> = {}): Bench {
  const directory = mkdtempSync(join(tmpdir(), 'eco-local-'));
  const gpus = [
    { type: 'l4', count: 4, price_per_hour: '0.80' },
    { type: 'h100', count: 4, price_per_hour: '3.20' },
  ];
  const options = { name: 'local-a', gpus, filesystems: [], directory, installation: 'inst-1', ...settings };
  const opened: LocalRegion[] = [];
  return {
    options,
    async open(changes = {}) {
      const region = await openLocalRegion({ ...options, log: openLog('silent'), clock: Date.now, ...changes });
      opened.push(region);
      return region;
    },
    async [Symbol.asyncDispose]() {
      for (const region of opened) await region[Symbol.asyncDispose]();
      for (const { pid } of findProcesses(directory)) process.kill(pid, 'SIGKILL');
      await until('all has ended', () => findProcesses(directory).length === 0);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const seen = async (region: LocalRegion, { uid = base.uid, workload_id = base.workload_id } = {}) =>
  region.observe({ uid, workload_id, secrets: {} });

const live = async (region: LocalRegion) => (await seen(region)).filter(({ state }) => state !== 'gone');

const untilReady = (region: LocalRegion, count: number, also: (replica: Evidence) => boolean = () => true) =>
  until(`${count} ready`, async () => {
    const replicas = await live(region);
    return replicas.length === count && replicas.every((each) => each.state === 'ready' && also(each)) && replicas;
  });

const get = async (replica: Evidence | undefined, path = '/') =>
  (await fetch(`http://${replica?.address}${path}`)).text();

async function logOf(region: LocalRegion, query: object = {}) {
  const all = { tail: 10_000, since: 0, follow: false, previous: false, ...query };
  return Array.fromAsync(region.logs(base, all, new AbortController().signal));
}

/** What a counter said, without a number left out. */
function assertNoHole(lines: { text: string }[]): void {
  const counts = lines.flatMap(({ text }) => (text.startsWith('count ') ? [Number(text.slice(6))] : []));
  assert.ok(counts.length > 0);
  assert.deepEqual(
    counts,
    Array.from({ length: counts.length }, (_, at) => (counts[0] ?? 0) + at),
  );
}

describe('a local region', { concurrency: 3, timeout: 60_000 }, () => {
  test('runs a command with its own environment and none of the server, and takes its GPUs', async () => {
    process.env.ECO_PEPPER_OF_THE_SERVER = 'not for replicas';
    await using bench = makeBench();
    const region = await bench.open();
    await region.apply({ ...base, env: { GREETING: 'hello' }, gpu: { type: 'h100', count: 2 } });
    const [replica] = await untilReady(region, 1);
    assert.match(String(replica?.id), /^142-local-a-[0-9a-z]{6}$/);
    const env = JSON.parse(await get(replica));
    assert.deepEqual(
      [env.GREETING, env.SECRET, env.CUDA_VISIBLE_DEVICES, env.ECO_REPLICA, env.ECO_REGION, env.ECO_WORKLOAD],
      ['hello', 'hunter2-hunter2', 'simulated-4,simulated-5', replica?.id, 'local-a', 'counter:142'],
    );
    assert.equal(env.ECO_PEPPER_OF_THE_SERVER, undefined);
    assert.deepEqual(
      (await region.offers()).map(({ gpu, total, free }) => [gpu, total, free]),
      [
        ['l4', 4, 4],
        ['h100', 4, 2],
      ],
    );
    assert.deepEqual(await region.list(), [{ workload_id: 142, uid: 'uid-142' }]);
    const folder = join(bench.options.directory, String(replica?.id));
    for (const file of ['spec.json', 'launch.json', 'run-1.log'])
      assert.equal(statSync(join(folder, file)).mode & 0o077, 0, `${file} is for its owner alone`);
  });

  test('a server killed with -9 leaves its replica running; the next adopts it, with its log whole and its true end', async () => {
    await using bench = makeBench();
    const program = fileURLToPath(new URL('./local/region-process.ts', import.meta.url));
    const task = JSON.stringify({ options: bench.options, deployment: base });
    const server = spawn(process.execPath, [program, task], { stdio: ['ignore', 'pipe', 'inherit'] });
    let last: Evidence[] = [];
    createInterface(server.stdout).on('line', (line) => {
      last = JSON.parse(line);
    });
    const before = await until('it is ready', () => last[0]?.state === 'ready' && last[0]);
    await assert.rejects(bench.open(), /looked after by another server, process \d+/);
    server.kill('SIGKILL');
    await once(server, 'exit');

    const region = await bench.open();
    const [after] = await seen(region);
    assert.deepEqual(
      [after?.id, after?.pid, after?.address, after?.state, after?.restarts],
      [before.id, before.pid, before.address, 'ready', 0],
    );
    assert.match(await get(after), /uid|PATH/);
    await region.apply(base);
    const goesOn = (await logOf(region)).length;
    await until('it goes on counting', async () => (await logOf(region)).length > goesOn + 10);
    const lines = await logOf(region);
    assertNoHole(lines);
    assert.equal(lines.find(({ text }) => text.startsWith('count'))?.text, 'count 1');

    const asked = Date.now();
    await get(after, '/exit').catch(() => {});
    const crashed = await until('its exit is seen', async () =>
      (await seen(region)).find((each) => each.restarts === 1),
    );
    assert.deepEqual(
      [crashed.id, crashed.exit_code, crashed.state, crashed.reason],
      [before.id, 7, 'restarting', 'crashed'],
    );
    assert.equal(crashed.message, 'Exited with code 7: fatal: told to, key ********');
    const [again] = await untilReady(region, 1, ({ pid }) => pid !== before.pid);
    assert.ok(Number(again?.ready_at) - asked >= 1_000, 'the first restart waits for a second');
    assert.deepEqual([again?.id, again?.address], [before.id, before.address], 'slot and port stay');
    assertNoHole(await logOf(region, { previous: true }));
    assert.ok((await logOf(region, { previous: true })).some(({ text }) => text === 'fatal: told to, key ********'));
    assert.ok((await logOf(region)).every(({ text }) => !text.startsWith('fatal')));
  });

  test('what ended while no server was there is gone, at its true time and with its true exit code', async () => {
    await using bench = makeBench();
    const first = await bench.open();
    await first.apply(base);
    const [replica] = await untilReady(first, 1);
    await first[Symbol.asyncDispose]();
    const from = Date.now();
    await get(replica, '/exit').catch(() => {});
    await until('it has ended', () => findProcesses(bench.options.directory).length === 0);
    const to = Date.now();
    await until('time passes', () => Date.now() > to + 200);

    const next = await bench.open();
    const [gone] = await seen(next);
    assert.deepEqual([gone?.id, gone?.state, gone?.exit_code], [replica?.id, 'gone', 7]);
    assert.ok(Number(gone?.ended_at) >= from && Number(gone?.ended_at) <= to, 'not the time it was noticed');
    await next.apply(base);
    const [successor] = await untilReady(next, 1);
    assert.notEqual(successor?.id, replica?.id);
  });

  test('a stopping replica says so before its process is told, and may finish what it does', async () => {
    await using bench = makeBench();
    const region = await bench.open();
    await region.apply({ ...base, env: { DRAIN: '300' } });
    const [replica] = await untilReady(region, 1);
    await region.apply({ ...base, env: { DRAIN: '300' }, generation: 2, replicas: 0 });
    assert.equal((await seen(region))[0]?.state, 'stopping');
    assert.match(await get(replica), /DRAIN/, 'it still answers');
    assert.ok(!(await logOf(region)).some(({ text }) => text === 'draining'));
    const gone = await until('it is gone', async () => (await seen(region)).find(({ state }) => state === 'gone'));
    assert.deepEqual([gone.exit_code, gone.reason, gone.generation], [0, 'replicas_stopping', 2]);
    const drained = (await logOf(region)).find(({ text }) => text === 'draining');
    assert.ok(Number(gone.ended_at) >= Number(drained?.at) + 290, 'it had its grace');
    assert.equal(findProcesses(bench.options.directory).length, 0);
    assert.deepEqual(await region.list(), []);
    assert.equal(existsSync(join(bench.options.directory, gone.id, 'launch.json')), false, 'no secrets stay there');
  });

  test('after the grace a process that does not end is killed, and what it had started with it', async () => {
    await using bench = makeBench();
    const region = await bench.open();
    const stubborn = `process.on('SIGTERM', () => {}); require('node:child_process').spawn('sleep', ['600']); ${COUNTER.replace("process.on('SIGTERM'", "process.on('SIGUSR2'")}`;
    await region.apply({ ...base, command: [process.execPath, '-e', stubborn], grace_seconds: 1 });
    await untilReady(region, 1);
    await region.apply({ ...base, replicas: 0 });
    const gone = await until('it is gone', async () => (await seen(region)).find(({ state }) => state === 'gone'));
    assert.equal(gone.exit_code, 137);
    assert.equal(findProcesses(bench.options.directory).length, 0);
  });

  test('scales without a restart: the oldest stay', async () => {
    await using bench = makeBench();
    const region = await bench.open();
    await region.apply(base);
    const [first] = await untilReady(region, 1);
    await region.apply({ ...base, generation: 2, replicas: 3 });
    const three = await untilReady(region, 3);
    assert.ok(three.every(({ generation }) => generation === 2));
    assert.ok(three.some(({ pid, restarts }) => pid === first?.pid && restarts === 0));
    assert.equal(new Set(three.map(({ address }) => address)).size, 3);
    await region.apply({ ...base, generation: 3, replicas: 1 });
    const [left] = await untilReady(region, 1);
    assert.deepEqual([left?.id, left?.pid], [first?.id, first?.pid]);
  });

  test('a change rolls: the old one serves until the new one is ready; a new generation alone restarts nothing', async () => {
    await using bench = makeBench();
    const region = await bench.open();
    await region.apply(base);
    const [old] = await untilReady(region, 1);
    let unserved = 0;
    const end = region.onChange(async () => {
      if (!(await live(region)).some(({ state }) => state === 'ready')) unserved++;
    });
    await region.apply({ ...base, generation: 2, env: { VERSION: '2' } });
    const [young] = await untilReady(region, 1, ({ generation }) => generation === 2);
    end();
    assert.notEqual(young?.id, old?.id);
    assert.equal(unserved, 0);
    assert.match(await get(young), /"VERSION":"2"/);
  });

  test('where no GPU is free a change takes the old one first', async () => {
    await using bench = makeBench();
    const region = await bench.open();
    const all = { ...base, gpu: { type: 'h100', count: 4 } };
    await region.apply(all);
    await untilReady(region, 1);
    await region.apply({ ...all, generation: 2, env: { VERSION: '2' } });
    await untilReady(region, 1, ({ generation }) => generation === 2);
  });

  test('what does not fit waits and says by how much, until it fits', async () => {
    await using bench = makeBench();
    const region = await bench.open();
    await region.apply({ ...base, gpu: { type: 'h100', count: 3 } });
    await untilReady(region, 1);
    const other = { ...base, uid: 'uid-143', workload_id: 143, gpu: { type: 'h100', count: 2 } };
    await region.apply(other);
    const [waiting] = await seen(region, other);
    assert.deepEqual([waiting?.state, waiting?.reason, waiting?.started_at], ['pending', 'no_capacity', null]);
    assert.equal(waiting?.message, 'Waiting for 2 × h100 in local-a: 1 free of 4.');
    await region.destroy(base);
    assert.deepEqual((await live(region)).length, 0, 'destroyed at once');
    await until('it fits', async () => (await seen(region, other))[0]?.state === 'ready');
  });

  for (const [what, change, message] of [
    ['an image', { command: null, image: 'me/mine' }, /runs commands of this machine, not images/],
    [
      'an engine that is not installed',
      { command: null, engine: 'vllm' },
      /no program "vllm" on the PATH .*install vllm/,
    ],
    [
      'an unknown program',
      { command: ['no-such-program-anywhere'] },
      /no program "no-such-program-anywhere" on the PATH/,
    ],
    ['an unknown GPU type', { gpu: { type: 'b200', count: 1 } }, /has no GPU of type "b200"/],
  ] as const) {
    test(`${what} is told as bad_config and never started`, async () => {
      await using bench = makeBench();
      const region = await bench.open();
      await region.apply({
        ...base,
        ...change,
        command: change.command === undefined ? base.command : change.command && [...change.command],
      });
      const [replica] = await seen(region);
      assert.deepEqual([replica?.state, replica?.reason, replica?.started_at], ['pending', 'bad_config', null]);
      assert.match(String(replica?.message), message);
      await region.apply({ ...base, replicas: 0 });
      await until('it is gone', async () => (await live(region)).length === 0);
    });
  }

  test('a port that is demanded but taken is told, and used when it is free', async () => {
    await using bench = makeBench();
    const region = await bench.open();
    const squatter = http.createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const address = squatter.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    await region.apply({ ...base, port });
    const taken = await until('it is told', async () =>
      (await seen(region)).find(({ reason }) => reason === 'bad_config'),
    );
    assert.match(taken.message, new RegExp(`Port ${port} is taken`));
    squatter.close();
    const [replica] = await untilReady(region, 1);
    assert.equal(replica?.address, `127.0.0.1:${port}`);
  });

  test('a process that crashes at once is started again later and later', async () => {
    await using bench = makeBench();
    const region = await bench.open();
    await region.apply({ ...base, command: [process.execPath, '-e', 'console.error("no weights"); process.exit(3)'] });
    const crashed = await until('it has crashed twice', async () =>
      (await seen(region)).find(({ restarts }) => restarts === 2),
    );
    const [first = 0, second = 0] = crashed.restarted_at;
    assert.ok(second - first >= 1_000 && second - first < 2_500, `${second - first} ms between the first two`);
    assert.deepEqual(
      [crashed.state, crashed.exit_code, crashed.message],
      ['restarting', 3, 'Exited with code 3: no weights'],
    );
    assert.deepEqual([1, 2, 3, 7, 50].map(backOffMs), [1_000, 2_000, 4_000, 60_000, 60_000]);
  });

  test('what is not ready within its budget is ended and started again', async () => {
    await using bench = makeBench();
    const region = await bench.open();
    await region.apply({ ...base, command: null, engine: 'sim', args: ['--load', '60s'], startup_seconds: 4 });
    const loading = await until('it loads', async () =>
      (await seen(region)).find(({ state, message }) => state === 'loading' && /503/.test(message)),
    );
    assert.equal(loading.message, 'Loading: GET /health answers 503.');
    const late = await until('the budget is over', async () =>
      (await seen(region)).find(({ reason }) => reason === 'startup_timeout'),
    );
    assert.deepEqual([late.state, late.restarts], ['restarting', 1]);
    assert.equal(late.message, 'Not ready within 4 s: GET /health answers 503.');
  });

  test('a ready replica that fails its probes twice is unready, and ready again as soon as it answers', async () => {
    await using bench = makeBench();
    const region = await bench.open();
    await region.apply(base);
    const [replica] = await untilReady(region, 1);
    await get(replica, '/sicken');
    const sick = await until('it is unready', async () =>
      (await seen(region)).find(({ state }) => state === 'unready'),
    );
    assert.deepEqual([sick.reason, sick.pid], ['unresponsive', replica?.pid]);
    assert.equal(sick.message, 'Was ready, but GET /health now answers 500.');
    await get(replica, '/heal');
    const [healed] = await untilReady(region, 1);
    assert.deepEqual([healed?.pid, healed?.restarts], [replica?.pid, 0]);
  });

  test('a ready replica that stays unready is started again, and that is told', async () => {
    await using bench = makeBench({ unresponsiveMaxMs: 300 });
    const region = await bench.open();
    await region.apply(base);
    const [replica] = await untilReady(region, 1);
    await get(replica, '/sicken');
    const restarting = await until('it is being started again', async () =>
      (await seen(region)).find(({ state }) => state === 'restarting'),
    );
    assert.equal(restarting.reason, 'unresponsive');
    assert.match(restarting.message, /^Was ready, then not for \d+ s: GET \/health answers 500\.$/);
    const [healed] = await untilReady(region, 1);
    assert.notEqual(healed?.pid, replica?.pid);
    assert.deepEqual([healed?.id, healed?.restarts], [replica?.id, 1]);
  });

  test('after the end its secrets are nowhere on the disk, and its logs still have stars for them', async () => {
    await using bench = makeBench();
    const region = await bench.open();
    await region.apply(base);
    const [replica] = await untilReady(region, 1);
    await get(replica, '/exit').catch(() => {});
    await untilReady(region, 1, ({ restarts }) => restarts === 1);
    await region.stopAll();
    await region[Symbol.asyncDispose]();

    const folder = join(bench.options.directory, String(replica?.id));
    const secret = String(base.secrets.SECRET);
    const tellers = () =>
      readdirSync(folder).filter((name) => readFileSync(join(folder, name), 'utf8').includes(secret));
    assert.ok(tellers().includes('spec.json') && tellers().includes('run-1.log'), String(tellers()));
    const later = await bench.open({ clock: () => Date.now() + 11_000 });
    await until('they are gone', () => tellers().length === 0);
    const told = (await logOf(later, { previous: true })).filter(({ stream }) => stream === 'stderr');
    assert.deepEqual(
      told.map(({ text }) => text),
      [`fatal: told to, key ${MASK}`],
    );
  });

  test('a gone replica keeps its logs for seven days, then its folder goes', async () => {
    await using bench = makeBench();
    const region = await bench.open();
    await region.apply(base);
    const [replica] = await untilReady(region, 1);
    await region.stopAll();
    await region[Symbol.asyncDispose]();
    const days = (count: number) => ({ clock: () => Date.now() + count * 86_400_000 });
    const soon = await bench.open(days(6.9));
    assertNoHole(await logOf(soon));
    await soon[Symbol.asyncDispose]();
    const later = await bench.open(days(7.1));
    await until('it is forgotten', async () => (await seen(later)).length === 0);
    assert.equal(existsSync(join(bench.options.directory, String(replica?.id))), false);
  });

  test('told to stop while it is being started, nothing is left running', async () => {
    await using bench = makeBench();
    const region = await bench.open();
    for (let round = 0; round < 5; round++) {
      await region.apply({ ...base, replicas: 3 });
      await until('one is being started', async () =>
        (await live(region)).some(({ started_at }) => started_at !== null),
      );
      await region.destroy(base);
      assert.deepEqual(await live(region), []);
    }
    await until('all has ended', () => findProcesses(bench.options.directory).length === 0);
  });

  test('without a server for too long a replica ends by itself, and was not charged longer', async () => {
    await using bench = makeBench({ leaseLostMs: 600 });
    const region = await bench.open();
    await region.apply(base);
    const [replica] = await untilReady(region, 1);
    await until('a server keeps it', () => Date.now() > Number(replica?.started_at) + 1_200);
    assert.equal((await seen(region))[0]?.restarts, 0);
    await region[Symbol.asyncDispose]();
    await until('it has ended', () => findProcesses(bench.options.directory).length === 0);
    const to = Date.now();
    const [gone] = await seen(await bench.open());
    assert.deepEqual([gone?.state, gone?.message], ['gone', 'Ended because no server was there for it.']);
    assert.ok(Number(gone?.ended_at) <= to);
  });

  test('a process whose supervisor was killed is ended, and started again', async () => {
    await using bench = makeBench();
    const region = await bench.open();
    await region.apply(base);
    const [replica] = await untilReady(region, 1);
    const supervisor = findProcesses(bench.options.directory).find(({ command }) => command.includes('supervisor'));
    process.kill(Number(supervisor?.pid), 'SIGKILL');
    const [again] = await untilReady(region, 1, ({ pid }) => pid !== replica?.pid);
    assert.deepEqual([again?.id, again?.restarts], [replica?.id, 1]);
    assert.equal(findStartTime(Number(replica?.pid)), undefined);
  });

  test('a replica whose folder was removed ends and is replaced, and hinders no other', async () => {
    await using bench = makeBench();
    const region = await bench.open();
    await region.apply(base);
    await region.apply({ ...base, uid: 'uid-143', workload_id: 143 });
    const [first] = await untilReady(region, 1);
    rmSync(join(bench.options.directory, first?.id ?? ''), { recursive: true });
    const [second] = await untilReady(region, 1, ({ id }) => id !== first?.id);
    const gone = (await seen(region)).find(({ id }) => id === first?.id);
    assert.deepEqual([gone?.state, gone?.message], ['gone', 'Its folder was removed by somebody.']);
    assert.equal(findStartTime(first?.pid ?? 0), undefined, 'its process ended first');
    assert.notEqual(second?.pid, first?.pid);
    const [other] = await until('the other', () => seen(region, { uid: 'uid-143', workload_id: 143 }));
    assert.notEqual(other?.state, 'gone');
  });

  test('what a process started in a group of its own ends with it', {
    skip: !existsSync('/proc/self/environ') && 'only /proc tells whose child a daemon was',
  }, async () => {
    await using bench = makeBench();
    const region = await bench.open();
    const daemon = `
      const { pid } = require('node:child_process').spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
      require('node:http').createServer((_, answer) => answer.end(String(pid))).listen(process.env.PORT, process.env.HOST);`;
    await region.apply({ ...base, command: [process.execPath, '-e', daemon] });
    const [replica] = await untilReady(region, 1);
    const pid = Number(await get(replica));
    assert.ok(findStartTime(pid));
    await region.apply({ ...base, command: [process.execPath, '-e', daemon], replicas: 0 });
    await until('gone', async () => (await live(region)).length === 0);
    assert.equal(findStartTime(pid), undefined);
  });

  test('a run file that a crash of the machine left empty keeps no server from starting', async () => {
    await using bench = makeBench();
    const before = await bench.open();
    await before.apply(base);
    const [replica] = await untilReady(before, 1);
    await before[Symbol.asyncDispose]();
    for (const { pid } of findProcesses(bench.options.directory)) process.kill(pid, 'SIGKILL');
    truncateSync(join(bench.options.directory, replica?.id ?? '', 'run-1.json'), 0);
    const region = await bench.open();
    assert.equal((await seen(region))[0]?.state, 'gone');
    await region.apply(base);
    await untilReady(region, 1, ({ id }) => id !== replica?.id);
  });

  test('a health path with spaces and other letters is asked as it travels, also by the next server', async () => {
    await using bench = makeBench();
    const before = await bench.open();
    await before.apply({ ...base, health_path: '/he alth/é%20' });
    const [replica] = await untilReady(before, 1);
    await before[Symbol.asyncDispose]();
    const region = await bench.open();
    await region.apply({ ...base, health_path: '/he alth/é%20' });
    assert.equal((await untilReady(region, 1))[0]?.id, replica?.id);
  });

  test('what cannot be started says why, and never with a word of its environment', async () => {
    await using bench = makeBench();
    const region = await bench.open();
    const { directory } = bench.options;
    writeFileSync(join(directory, 'script'), 'echo');
    const huge = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`V${n}`, 'x'.repeat(30_000)]));
    for (const [uid, change, message] of [
      ['missing', { command: ['no-such-program'] }, /no program "no-such-program" on the PATH/],
      ['no-execute', { command: [join(directory, 'script')] }, /script" is no file of this machine that may be execut/],
      ['directory', { command: [directory] }, /is no file of this machine that may be executed/],
      ['null-byte', { secrets: { KEY: 'geheim\0geheim' } }, /^An argument or a variable contains a null byte/],
      ['too-big', { env: huge, secrets: { KEY: 'geheim' } }, /^Its command cannot be started: E2BIG\.$/],
    ] as const) {
      await region.apply({
        ...base,
        ...change,
        command: [...('command' in change ? change.command : (base.command ?? []))],
        uid,
      });
      const told = await until(uid, async () =>
        (await seen(region, { uid, workload_id: 142 })).find(({ reason }) => reason === 'bad_config'),
      );
      assert.match(told.message, message);
      assert.doesNotMatch(told.message, /geheim/);
      await region.apply({ ...base, uid, replicas: 0 });
    }
  });

  test('goes on looking after its replicas when the clock of the machine is set back', async () => {
    await using bench = makeBench();
    let setBackMs = 0;
    const region = await bench.open({ clock: () => Date.now() - setBackMs });
    const late = `setTimeout(() => require('node:http').createServer((_, answer) => answer.end()).listen(process.env.PORT), 600)`;
    await region.apply({ ...base, command: [process.execPath, '-e', late] });
    await until('a probe', async () => (await seen(region))[0]?.message.endsWith('finds nobody listening.'));
    setBackMs = 3_600_000;
    await untilReady(region, 1);
    await region.apply({ ...base, replicas: 0 });
    setBackMs *= 2;
    await until('gone', async () => (await live(region)).length === 0);
  });

  test('of a flood of words without an end it keeps the last, in bounded files', async () => {
    await using bench = makeBench();
    const region = await bench.open();
    const flood = `
      const block = Buffer.alloc(1 << 20, 'x');
      let left = 64;
      const next = () => left-- > 0 ? process.stdout.write(block, next) : process.stdout.write('\\nthe last word\\n', () => process.exit(3));
      next();`;
    await region.apply({ ...base, command: [process.execPath, '-e', flood] });
    const told = await until('its end', async () => (await seen(region)).find(({ exit_code }) => exit_code === 3));
    assert.match(told.message, /Exited with code 3: the last word$/);
    const folder = join(bench.options.directory, told.id);
    const kept = readdirSync(folder).filter((name) => name.startsWith('run-1.log'));
    assert.equal(kept.length, 3);
    for (const name of kept) assert.ok(statSync(join(folder, name)).size < 12 * 1024 * 1024, name);
  });

  test('two installations in one folder do not touch each other', async () => {
    await using bench = makeBench();
    const [ours, theirs] = [await bench.open(), await bench.open({ installation: 'inst-2' })];
    await theirs.apply(base);
    const [replica] = await untilReady(theirs, 1);
    await ours.stopAll();
    assert.deepEqual(await ours.list(), []);
    await ours[Symbol.asyncDispose]();
    assert.deepEqual(await (await bench.open()).list(), []);
    assert.deepEqual(
      (await live(theirs)).map(({ pid }) => pid),
      [replica?.pid],
    );
    await theirs.stopAll();
    assert.equal(findProcesses(bench.options.directory).length, 0);
  });

  test('logs can be followed over a restart, and end with their reader', async () => {
    await using bench = makeBench();
    const region = await bench.open();
    await region.apply(base);
    const [replica] = await untilReady(region, 1);
    const stop = new AbortController();
    const starts: string[] = [];
    let followed = 0;
    const following = (async () => {
      const query = { tail: 0, since: 0, follow: true, previous: false, replica: replica?.id };
      for await (const { text } of region.logs(base, query, stop.signal)) {
        followed++;
        if (text.startsWith('fatal') || text === 'count 1') starts.push(text);
        if (starts.length === 2) stop.abort();
      }
    })();
    await until('it is followed', () => followed > 0);
    await get(replica, '/exit').catch(() => {});
    await following;
    assert.deepEqual(starts, ['fatal: told to, key ********', 'count 1']);
    await until('there are more than three lines', async () => (await logOf(region)).length > 3);
    assert.equal((await logOf(region, { tail: 3 })).length, 3);
    assert.equal((await logOf(region, { tail: 10, since: Date.now() + 60_000 })).length, 0);
  });
});

describe('the plan of a local rollout', () => {
  const slot = (id: string, isCurrent: boolean, isReady = true): Standing => ({
    ...{ id, isCurrent, isReady },
    isWaiting: false,
    created_at: id.charCodeAt(0),
  });

  for (const [title, wanted, slots, expected] of [
    ['starts what is missing', { replicas: 2, canSurge: false }, [], { stop: [], create: 2 }],
    [
      'takes unready ones first',
      { replicas: 1, canSurge: true },
      [slot('a', true, false), slot('b', true)],
      { stop: ['a'], create: 0 },
    ],
    [
      'takes the youngest first',
      { replicas: 1, canSurge: true },
      [slot('a', true), slot('b', true)],
      { stop: ['b'], create: 0 },
    ],
    [
      'starts one more while there is room',
      { replicas: 2, canSurge: true },
      [slot('a', false), slot('b', false)],
      { stop: [], create: 1 },
    ],
    [
      'makes room first where there is none',
      { replicas: 2, canSurge: false },
      [slot('a', false), slot('b', false)],
      { stop: ['b'], create: 0 },
    ],
    [
      'waits for the newest',
      { replicas: 1, canSurge: true },
      [slot('a', false), slot('b', true, false)],
      { stop: [], create: 0 },
    ],
    [
      'ends an old one when its successor is ready',
      { replicas: 1, canSurge: true },
      [slot('a', false), slot('b', true)],
      { stop: ['a'], create: 0 },
    ],
    ['ends all', { replicas: 0, canSurge: true }, [slot('b', true), slot('a', false)], { stop: ['b', 'a'], create: 0 }],
  ] as const) {
    test(title, () => assert.deepEqual(planSlots(wanted, [...slots]), expected));
  }

  test('a rollout ends, has at most one slot too many, and never too few ready ones while there is room', () => {
    const steps = fc.record({
      old: fc.integer({ min: 0, max: 5 }),
      replicas: fc.integer({ min: 0, max: 5 }),
      room: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(steps, ({ old, replicas, room }) => {
        const total = Math.max(old, replicas) + room;
        let slots = Array.from({ length: old }, (_, at) => ({ ...slot(String.fromCharCode(97 + at), false), age: 9 }));
        for (let step = 0; step < 100; step++) {
          slots = slots.map((each) => ({ ...each, age: each.age + 1, isReady: each.age >= 2 }));
          const plan = planSlots({ replicas, canSurge: slots.length < total }, slots);
          slots = slots.filter(({ id }) => !plan.stop.includes(id));
          for (let made = 0; made < plan.create; made++)
            slots.push({ ...slot(String.fromCharCode(110 + step), true, false), id: `${step}-${made}`, age: 0 });
          assert.ok(slots.length <= Math.max(replicas + 1, old));
          if (room > 0) assert.ok(slots.filter(({ isReady }) => isReady).length >= Math.min(old, replicas));
        }
        assert.equal(slots.length, replicas);
        assert.ok(slots.every(({ isCurrent, isReady }) => isCurrent && isReady));
      }),
    );
  });
});

describe('a log on disk', () => {
  test('rotates without a hole for who follows, keeps three files, and cuts endless lines', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'eco-log-'));
    try {
      const log = new LogFile(folder, 1, 2_000);
      const place = { inode: 0, offset: 0 };
      const followed: string[] = [];
      for (let count = 0; count < 300; count++) {
        log.write('stdout', Buffer.from(`line ${count}\nha`));
        log.write('stdout', Buffer.from('lf '));
        if (count % 9 === 0) followed.push(...(await readOn(folder, 1, place)));
      }
      followed.push(...(await readOn(folder, 1, place)));
      assert.deepEqual(
        followed.map((line) => Number(line.split(' ').at(-1))),
        Array.from({ length: 300 }, (_, count) => count),
      );
      assert.deepEqual(readdirSync(folder).length, 3);
      assert.ok(logFiles(folder, 1).every((file) => statSync(file).size < 2_200));
      const { lines } = await readTail(folder, 1, 40);
      assert.deepEqual(lines, followed.slice(-40));

      log.write('stderr', Buffer.from('é'.repeat(LINE_MAX_CHARS + 10)));
      log.end();
      const [cut = '', rest = ''] = (await readTail(folder, 1, 3)).lines.filter((line) => line.includes(' stderr '));
      assert.match(rest + cut, /é{10}/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('the lines it gives are all it was given, however the bytes come', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'eco-log-'));
    let run = 0;
    try {
      const texts = fc.array(
        fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\n\r\p{Cs}]/gu, '')),
        { minLength: 1, maxLength: 20 },
      );
      await fc.assert(
        fc.asyncProperty(texts, fc.integer({ min: 1, max: 7 }), async (wanted, size) => {
          const log = new LogFile(folder, ++run, 10_000);
          const bytes = Buffer.from(wanted.map((text) => `${text}\n`).join(''));
          for (let at = 0; at < bytes.length; at += size) log.write('stdout', bytes.subarray(at, at + size));
          log.end();
          const { lines } = await readTail(folder, run, 100);
          assert.deepEqual(
            lines.map((line) => line.slice(32)),
            wanted,
          );
        }),
        { numRuns: 40 },
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

test('a process is known by id and start time together', () => {
  const start_time = String(findStartTime(process.pid));
  assert.ok(isAlive({ pid: process.pid, start_time }));
  assert.ok(!isAlive({ pid: process.pid, start_time: `${start_time}1` }));
});

test('secrets are masked whole, longest first, and line by line where they have lines', () => {
  const mask = openMask({
    A: 'hunter2',
    B: 'hunter2-hunter2',
    C: 'abc',
    PEM: '-----BEGIN KEY-----\nMIIEvQIBADAN\n}\n',
  });
  assert.equal(mask('a hunter2-hunter2 and hunter2, abc'), `a ${MASK} and ${MASK}, abc`);
  assert.equal(mask('  MIIEvQIBADAN }'), `  ${MASK} }`);
});
