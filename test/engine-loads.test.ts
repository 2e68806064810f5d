import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseOptions } from '../server/cluster/simulator/options.ts';
import { startSimulator } from '../server/cluster/simulator/start.ts';
import { Config } from '../server/config.ts';
import { openContext } from '../server/context.ts';
import { startChanges } from '../server/db/changes.ts';
import { type Db, openDatabase } from '../server/db/open.ts';
import {
  claimRegion,
  decodeLoads,
  listLoads,
  publishLoads,
  releaseRegionsOf,
} from '../server/gateway/engines/store.ts';
import { watchEngines } from '../server/gateway/engines/watch.ts';
import { openTables, type Tables } from '../server/gateway/tables.ts';
import { openLog } from '../server/log.ts';
import { DIALECTS, freePort, makeDatabase, openTestDatabase } from './databases.ts';
import { startEngine, stream } from './fakes/engine.ts';
import { startGateway } from './gateway-rig.ts';
import { startEco } from './harness.ts';
import { startSim } from './sim.ts';
import { until } from './until.ts';

type Rig = Awaited<ReturnType<typeof startGateway>>;

const NOW = 1_800_000_000_000;
const rhythm = { everyMs: 40, validMs: 6_000, leaseMs: 1_000 };
const messages = [{ role: 'user' as const, content: 'Count.' }];

const addressOf = ({ url }: { url: string }) => ({ address: new URL(url).host });
const tablesOf = (eco: Rig) => eco.gateway.desk.core.tables;
const healthIn = (tables: Tables, region: string) =>
  tables.ready.all().find((replica) => replica.region === region)?.health;

/** Another server on the same database, as far as engines are concerned. */
async function openPeer({ parts }: Rig, serverId: string) {
  const scope = new AsyncDisposableStack();
  const changes = scope.use(startChanges(parts.db, (error) => parts.log.error(error), 100));
  const tables = await openTables({ db: parts.db, changes });
  scope.use(watchEngines({ ...parts, changes, tables, serverId, rhythm }));
  return { tables, serverId, [Symbol.asyncDispose]: () => scope.disposeAsync() };
}

const holderOf = async (db: Db, region = 'r0') =>
  (await listLoads(db)).find((row) => row.region === region)?.lease_owner ?? undefined;

for (const dialect of DIALECTS) {
  describe(`who asks engines on ${dialect}`, () => {
    const leaseMs = 10_000;

    test('of ten servers is one for each region, until it lets go, is gone, or does not renew', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const claim = (owner: string, now: number, region = 'a') => claimRegion(db, { region, owner, now, leaseMs });
      const publish = (owner: string, now: number) => publishLoads(db, { region: 'a', owner, now, leaseMs }, []);

      const first = await Promise.all(Array.from({ length: 10 }, (_, n) => claim(`srv_${n}`, NOW)));
      assert.equal(first.filter(Boolean).length, 1);
      const holder = `srv_${first.indexOf(true)}`;
      assert.equal(await claim('srv_x', NOW, 'b'), true);
      assert.equal(await claim('srv_x', NOW + leaseMs - 1), false);

      assert.equal(await publish(holder, NOW + leaseMs - 1), true, 'publishing renews');
      assert.equal(await claim('srv_x', NOW + leaseMs), false);
      assert.equal(await claim('srv_x', NOW + 2 * leaseMs), true);
      assert.equal(await publish(holder, NOW + 2 * leaseMs), false, 'it has lost the region');

      await releaseRegionsOf(db, 'srv_x');
      assert.equal(await claim('srv_y', NOW), true);
      assert.equal(await claim('srv_y', NOW, 'b'), true);
    });

    test('leaves what it read for all, and of what cannot be read nothing is known', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const holder = { region: 'a', owner: 'srv', now: NOW, leaseMs };
      await claimRegion(db, holder);
      assert.deepEqual((await listLoads(db)).map(decodeLoads), [[]]);
      const load = { replica_id: 'r', address: 'h:1', asked_at: NOW, told_at: NOW + 5, running: 2, kv_use: 0.5 };
      await publishLoads(db, holder, [load]);
      assert.deepEqual((await listLoads(db)).map(decodeLoads), [[load]]);
      assert.deepEqual(decodeLoads({ loads: '[{"id":7}]' }), []);
    });

    test('is one of two servers; both know, each what the other has in flight, and one takes over from the other', async () => {
      await using engine = await startSim({ itlMs: 20, tokens: 10_000 });
      await using eco = await startGateway({}, { dialect, rhythm });
      const { secret } = await eco.account();
      await eco.model('chat', [addressOf(engine)]);
      await using scope = new AsyncDisposableStack();
      await until('a server holds the region', () => holderOf(eco.db));
      const peer = scope.use(await openPeer(eco, 'srv_peer'));
      assert.equal(await holderOf(eco.db), eco.serverId);

      const leave = new AbortController();
      const calls = Array.from({ length: 3 }, () =>
        eco.post(secret, { model: 'chat', messages, stream: true }, { signal: leave.signal }),
      );
      await Promise.all(calls);
      await until('the peer knows of three', () => healthIn(peer.tables, 'r0')?.others === 3);
      assert.equal(healthIn(tablesOf(eco), 'r0')?.others, 0, 'they are its own');
      assert.equal(await holderOf(eco.db), eco.serverId);

      await eco.gateway[Symbol.asyncDispose]();
      assert.notEqual(await holderOf(eco.db), eco.serverId, 'it has let go');
      leave.abort();
      await until('the peer asks now', async () => (await holderOf(eco.db)) === peer.serverId);
      await until('nothing is left there', () => healthIn(peer.tables, 'r0')?.others === 0);
    });

    test('is nobody when the server that was it starts again', async () => {
      const data = mkdtempSync(join(tmpdir(), 'eco-loads-'));
      const { url, remove } = await makeDatabase(dialect);
      await using scope = new AsyncDisposableStack();
      scope.defer(remove);
      scope.defer(() => rmSync(data, { recursive: true }));
      writeFileSync(join(data, 'server-id'), 'srv_dead\n');
      const before = await openDatabase(url);
      await claimRegion(before.db, { region: 'a', owner: 'srv_dead', now: Date.now(), leaseMs: 3_600_000 });
      await claimRegion(before.db, { region: 'b', owner: 'srv_other', now: Date.now(), leaseMs: 3_600_000 });
      await before[Symbol.asyncDispose]();

      const context = scope.use(await openContext(Config.parse({ data, database: url }), openLog('silent')));
      const holders = (await listLoads(context.db)).map(({ region, lease_owner }) => [region, lease_owner]);
      assert.deepEqual(holders.toSorted(), [
        ['a', null],
        ['b', 'srv_other'],
      ]);
    });

    test('is replaced when it was killed', async () => {
      await using engine = await startSim();
      await using eco = await startGateway({}, { dialect, rhythm });
      const lease = { region: 'r0', owner: 'srv_dead', leaseMs: 200 };
      await claimRegion(eco.db, { ...lease, now: Date.now() });
      await eco.account();
      await eco.model('chat', [addressOf(engine)]);
      await until('the other has taken over', async () => (await holderOf(eco.db)) === eco.serverId);
    });
  });
}

describe('requests keep away from a replica that others keep busy', () => {
  const COUNT = 5;

  test('and come back when it is free', async () => {
    const slow = { itlMs: 20, tokens: 10_000 };
    await using busy = await startSim(slow);
    await using free = await startSim(slow);
    await using eco = await startGateway({}, { rhythm });
    const { secret } = await eco.account();
    await eco.model('chat', [addressOf(busy), addressOf(free)]);
    await until('both are proven', () =>
      tablesOf(eco)
        .ready.all()
        .every(({ health }) => health.isProven),
    );

    const direct = new AbortController();
    const ask = { model: 'served', messages, stream: true as const };
    await Promise.all(
      Array.from({ length: COUNT }, () => busy.openai.chat.completions.create(ask, { signal: direct.signal })),
    );
    await until('they are seen', () => healthIn(tablesOf(eco), 'r0')?.others === COUNT);

    const leave = new AbortController();
    const regionOfOne = async () => {
      const response = await eco.post(secret, { model: 'chat', messages, stream: true }, { signal: leave.signal });
      return response.headers.get('x-ecolink-region');
    };
    for (let call = 0; call < COUNT; call++) assert.equal(await regionOfOne(), 'r1', 'less is going on there');
    const next = new Set<unknown>();
    for (let call = 0; call < 6; call++) next.add(await regionOfOne());
    assert.deepEqual([...next].toSorted(), ['r0', 'r1'], 'now as much is going on in both');

    direct.abort();
    await until('it is free', () => healthIn(tablesOf(eco), 'r0')?.others === 0);
    assert.equal(await regionOfOne(), 'r0', 'fewer are there');
    assert.equal(healthIn(tablesOf(eco), 'r1')?.others, 0, 'what this server has there is never taken for others');
    leave.abort();
  });

  test('also when its cache is full and requests wait for it', async () => {
    await using full = await startEngine();
    await using roomy = await startEngine();
    full.tells['/metrics'] = [
      200,
      'vllm:num_requests_running 0\nvllm:num_requests_waiting 1\nvllm:kv_cache_usage_perc 0.97',
    ];
    roomy.tells['/metrics'] = [
      200,
      'vllm:num_requests_running 9\nvllm:num_requests_waiting 9\nvllm:kv_cache_usage_perc 0.5',
    ];
    await using eco = await startGateway({}, { rhythm });
    const { secret } = await eco.account();
    await eco.model('chat', [full, roomy]);
    const health = () => [healthIn(tablesOf(eco), 'r0'), healthIn(tablesOf(eco), 'r1')];
    await until('it is seen', () => health()[0]?.isFull && health()[1]?.others === 18);
    for (let call = 0; call < 4; call++) await (await eco.post(secret, { model: 'chat', messages })).text();
    assert.equal(roomy.requests.length, 4);
  });
});

describe('an engine', () => {
  test('whose metrics hang, fail or are nonsense leaves the others and the choice alone', async () => {
    const [hanging, failing, garbage, sound] = await Promise.all(Array.from({ length: 4 }, () => startEngine()));
    const engines = [hanging, failing, garbage, sound] as NonNullable<typeof hanging>[];
    await using scope = new AsyncDisposableStack();
    for (const engine of engines) scope.use(engine);
    const told = ['hang', [500, ''], [200, 'x'.repeat(2_000_000)], [200, 'vllm:num_requests_running 7\n']] as const;
    for (const [at, engine] of engines.entries()) engine.tells['/metrics'] = told[at] as 'hang';
    await using eco = await startGateway({}, { rhythm });
    const { secret } = await eco.account();
    await eco.model('chat', engines);
    await until('the sound one is known', () => healthIn(tablesOf(eco), 'r3')?.others === 7);
    assert.deepEqual(
      ['r0', 'r1', 'r2'].map((region) => healthIn(tablesOf(eco), region)?.toldUntil),
      [0, 0, 0],
    );
    for (let call = 0; call < 6; call++)
      assert.equal((await eco.post(secret, { model: 'chat', messages })).status, 200);
    assert.equal(sound?.requests.length, 0);
  });

  test('that tells nothing is asked where else it might, and then left in peace', async () => {
    await using silent = await startEngine();
    await using nim = await startEngine();
    nim.tells['/v1/metrics'] = [200, 'num_requests_running{model_name="m"} 2\n'];
    await using eco = await startGateway({}, { rhythm });
    await eco.account();
    await eco.model('chat', [silent, nim]);
    const metrics = ({ asked }: { asked: string[] }) => asked.filter((path) => path.endsWith('metrics'));
    await until('the other place is found', () => metrics(nim).length > 8);
    assert.deepEqual(metrics(silent), ['/metrics', '/v1/metrics', '/prometheus/metrics']);
    assert.deepEqual(metrics(nim).slice(0, 4), ['/metrics', '/v1/metrics', '/v1/metrics', '/v1/metrics']);
    assert.equal(healthIn(tablesOf(eco), 'r1')?.others, 2);
  });

  test('with an API of its own is asked for nothing but its health', async () => {
    await using engine = await startEngine();
    await using other = await startEngine();
    await using eco = await startGateway({}, { rhythm });
    const { id } = await eco.account();
    await eco.instance(id, [engine], { customApiPath: '/predict' });
    await eco.instance(id, [other]);
    await until('another one is asked', () => other.asked.includes('/metrics') && engine.asked.length > 0);
    assert.deepEqual(engine.asked, ['/health']);
  });
});

describe('a replica that is new', () => {
  test('gets no request before it has answered this server, while another one is there', async () => {
    const port = await freePort();
    await using old = await startSim();
    await using eco = await startGateway();
    const { secret } = await eco.account();
    await eco.model('chat', [addressOf(old), { address: `127.0.0.1:${port}` }]);
    const ask = async () => {
      const response = await eco.post(secret, { model: 'chat', messages });
      assert.equal(response.status, 200, await response.text());
      return response.headers.get('x-ecolink-region');
    };
    await until('the old one is proven', () => healthIn(tablesOf(eco), 'r0')?.isProven);
    for (let call = 0; call < 12; call++) assert.equal(await ask(), 'r0');
    const rows = await eco.usage(12);
    assert.ok(
      rows.every(({ attempts }) => attempts === 1),
      'the new one was not even tried',
    );

    await using _late = await startSimulator({ ...parseOptions([]), port, ttftMs: 0, itlMs: 0 });
    await until('it takes part', async () => (await ask()) === 'r1');
  });

  test('is taken rather than none, and a request that ends well proves it', async () => {
    await using engine = await startEngine();
    engine.tells['/health'] = 'hang';
    await using eco = await startGateway();
    const { secret } = await eco.account();
    await eco.model('chat', [engine]);
    await until('it is asked', () => engine.asked.includes('/health'));
    assert.equal(healthIn(tablesOf(eco), 'r0')?.isProven, false);
    assert.equal((await eco.post(secret, { model: 'chat', messages })).status, 200);
    assert.equal(healthIn(tablesOf(eco), 'r0')?.isProven, true);
  });

  test('is asked again until its health is fine, and anew when it was away', async () => {
    await using engine = await startEngine(stream(['a']));
    engine.tells['/health'] = [503, ''];
    await using eco = await startGateway();
    await eco.account();
    const { replicas } = await eco.model('chat', [engine]);
    await until('it is asked twice', () => engine.asked.length >= 2);
    assert.equal(healthIn(tablesOf(eco), 'r0')?.isProven, false);
    engine.tells['/health'] = [404, 'a server without that path'];
    await until('it is proven', () => healthIn(tablesOf(eco), 'r0')?.isProven);
    const asked = engine.asked.length;
    await eco.setReplica(String(replicas[0]), 'loading');
    await eco.setReplica(String(replicas[0]), 'ready');
    await until('it is proven again', () => healthIn(tablesOf(eco), 'r0')?.isProven);
    assert.equal(engine.asked.length, asked + 1);
  });
});

describe('an engine that serves another name than requests ask for', () => {
  const warnings = async (db: Db) =>
    (await db.selectFrom('events').selectAll().where('reason', '=', 'served_name_mismatch').execute()).map(
      ({ message }) => message,
    );
  const isAsked = (sound: { asked: string[] }) => sound.asked.includes('/v1/models');

  for (const dialect of DIALECTS)
    test(`is told once for all its replicas and servers, on ${dialect}`, async () => {
      const wrong = { fail: parseOptions(['--fail', 'wrong-name']).fail };
      await using first = await startSim(wrong);
      await using second = await startSim(wrong);
      await using sound = await startEngine();
      sound.tells['/v1/models'] = [200, '{"data":[{"id":"served"}]}'];
      sound.tells['/metrics'] = [200, 'vllm:num_requests_running 0\n'];
      await using eco = await startGateway({}, { dialect, rhythm });
      await eco.account();
      const { replicas } = await eco.model('chat', [addressOf(first), addressOf(second), sound]);
      await until('the warning is there', async () => (await warnings(eco.db)).length > 0);
      await eco.gateway[Symbol.asyncDispose]();
      await using peer = await openPeer(eco, 'srv_peer');
      sound.asked.length = 0;
      await until(
        'another server has asked',
        () => isAsked(sound) && peer.tables.ready.all().length === replicas.length,
      );
      await until('and is done', () => sound.asked.filter((path) => path === '/metrics').length > 2);
      assert.deepEqual(await warnings(eco.db), [
        'It serves "other-model", and requests ask for "served": they may be refused. Launch it with --served-model-name served.',
      ]);
    });

  test('is no matter where it answers to any, has no list, or goes by the name of the instance', async () => {
    await using engine = await startEngine();
    await using plain = await startEngine();
    engine.tells['/v1/models'] = [200, '{"data":[{"id":"org/model"}]}'];
    await using own = await startSim({ model: 'mine' });
    await using eco = await startGateway({}, { rhythm });
    const { id } = await eco.account();
    await eco.instance(id, [engine], { engine: 'tgi' });
    await eco.instance(id, [plain]);
    await eco.instance(id, [addressOf(own)]);
    await until('it has been asked', () => isAsked(plain) && engine.asked.includes('/metrics'));
    await until('and again', () => plain.asked.includes('/prometheus/metrics'));
    assert.deepEqual(await warnings(eco.db), []);
    assert.ok(!isAsked(engine));
  });

  test('is seen in its events, at once by those who follow them', { timeout: 25_000 }, async () => {
    await using eco = await startEco();
    await eco.eco.models.register({ name: 'mine', source: { type: 'image' } });
    const simulator = [process.execPath, new URL('../server/cluster/simulator/main.ts', import.meta.url).pathname];
    const { id } = await eco.eco.instances.launch({
      model: 'mine',
      engine: 'vllm',
      command: [...simulator, '--fail', 'wrong-name'],
      regions: ['local-a'],
    });
    for await (const event of eco.eco.workloads.followEvents(id)) {
      if (event.reason !== 'served_name_mismatch') continue;
      assert.equal(event.type, 'warning');
      assert.match(event.message, /It serves "other-model", and requests ask for "mine"/);
      break;
    }
    assert.ok((await eco.eco.workloads.events(id)).data.some(({ reason }) => reason === 'served_name_mismatch'));
  });
});
