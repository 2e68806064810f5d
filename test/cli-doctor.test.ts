import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { checkBalance, checkFailed, checkRegions } from '../cli/doctor/account.ts';
import type { Check } from '../cli/doctor/check.ts';
import { checkNode, checkProxy } from '../cli/doctor/machine.ts';
import { checkClock, checkServer, checkVersion } from '../cli/doctor/server.ts';
import * as documents from './fakes/documents.ts';
import { startEco } from './harness.ts';
import { eco, folder } from './run-eco.ts';

const home = (name: string) => mkdtempSync(join(folder, `${name}-`));
const stateOf = (checks: Check[], name: string) => checks.find((check) => check.name === name)?.state;

describe('eco doctor', () => {
  test('finds nothing wrong with a server, a key and settings that are right', async () => {
    await using server = await startEco();
    const ECO_CONFIG_DIR = home('well');
    const env = { ECO_CONFIG_DIR, ECO_API_URL: server.url, ECO_API_KEY: server.apiKey };
    const { code, json, stderr } = await eco(['doctor', '--json'], { env });
    assert.deepEqual(
      json().checks.filter(({ state }: Check) => state === 'failed' || state === 'warning'),
      [],
    );
    assert.deepEqual([json().healthy, code, stderr], [true, 0, '']);
    const names = json().checks.map(({ name }: Check) => name);
    for (const name of [
      'node',
      'settings',
      'server',
      'tcp',
      'http',
      'version',
      'clock',
      'key',
      'balance',
      'region',
      'instances',
    ])
      assert.ok(names.includes(name), name);
    const { stdout } = await eco(['doctor'], { env });
    assert.match(stdout, /✓ region +local-a has 8 of 8 h100 \(simulated\)/);
    assert.match(stdout, /\nNothing is wrong\.\n$/);

    const wrongKey = await eco(['doctor'], { env: { ...env, ECO_API_KEY: 'eco_wrong' } });
    assert.match(wrongKey.stdout, /✗ key .*\n +eco login\n/);
    assert.equal(wrongKey.code, 1);
  });

  test('without a server, key and safe settings: each is said with what mends it, exit 1', async () => {
    const ECO_CONFIG_DIR = home('unwell');
    const path = join(ECO_CONFIG_DIR, 'config.json');
    writeFileSync(path, '{}');
    chmodSync(path, 0o644);
    const { code, stdout } = await eco(['doctor'], { env: { ECO_CONFIG_DIR, ECO_API_URL: 'http://127.0.0.1:9' } });
    assert.match(stdout, new RegExp(`✗ settings .*mode 644\\)\\n +chmod 600 ${path}\\n`));
    assert.match(stdout, /✗ tcp .*ECONNREFUSED\)\n +eco dev\n/);
    assert.match(stdout, /✗ key +none: .*\n +eco login\n/);
    assert.match(stdout, /3 wrong/);
    assert.equal(code, 1);
  });

  test('tells a name, a certificate and another program apart', async () => {
    const other = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    try {
      const stranger = await Array.fromAsync(checkServer(`http://127.0.0.1:${port}`, '0.1.0'));
      assert.match(stranger.find(({ name }) => name === 'http')?.message ?? '', /is not EcoLink/);
      const plain = await Array.fromAsync(checkServer(`https://127.0.0.1:${port}`, '0.1.0'));
      assert.deepEqual(
        [stateOf(plain, 'tcp'), stateOf(plain, 'tls'), stateOf(plain, 'http')],
        ['ok', 'failed', undefined],
      );
      const nameless = await Array.fromAsync(checkServer('http://nobody.invalid', '0.1.0'));
      assert.deepEqual([stateOf(nameless, 'dns'), stateOf(nameless, 'tcp')], ['failed', undefined]);
    } finally {
      other.close();
    }
  });
});

describe('checks of eco doctor', () => {
  for (const [version, state] of [
    ['20.20.1', 'failed'],
    ['22.18.9', 'failed'],
    ['22.19.0', 'ok'],
    ['24.0.0', 'ok'],
  ] as const)
    test(`Node ${version} is ${state}`, () => assert.equal(checkNode(version).state, state));

  for (const [server, own, state] of [
    ['0.1.0', '0.1.7', 'ok'],
    ['0.2.0', '0.1.0', 'warning'],
    ['1.4.0', '1.2.0', 'ok'],
    ['2.0.0', '1.9.0', 'warning'],
    ['', '0.1.0', 'warning'],
  ] as const)
    test(`server "${server}" with eco ${own} is ${state}`, () => assert.equal(checkVersion(server, own).state, state));

  for (const [aheadMs, state, message] of [
    [0, 'ok', /agrees/],
    [-55_000, 'ok', /agrees/],
    [-120_000, 'failed', /12\d s behind|120 s behind/],
    [120_000, 'failed', /119 s ahead of/],
  ] as const)
    test(`a clock that is ${aheadMs} ms ahead is ${state}`, () => {
      const sentAt = Date.parse('2026-01-01T00:00:00Z') + aheadMs;
      const check = checkClock('Thu, 01 Jan 2026 00:00:00 GMT', sentAt, sentAt + 5);
      assert.equal(check.state, state);
      assert.match(check.message, message);
    });

  for (const [env, found] of [
    [{}, undefined],
    [{ HTTPS_PROXY: 'http://proxy' }, 'warning'],
    [{ HTTPS_PROXY: 'http://proxy', NODE_USE_ENV_PROXY: '1' }, 'ok'],
    [{ HTTPS_PROXY: 'http://proxy', NO_PROXY: '.example.com' }, undefined],
    [{ HTTP_PROXY: 'http://proxy' }, undefined],
  ] as const)
    test(`proxy: ${JSON.stringify(env)}`, () =>
      assert.equal(checkProxy(env, 'https://eco.example.com')[0]?.state, found));

  test('an empty balance, an unreachable region and a failed instance each name the next step', () => {
    const balance = { object: 'balance', available: '0.00', held: '0.00', burn_rate_per_hour: '0.00' } as const;
    assert.match(checkBalance(balance, documents.whoAmI())[0]?.fix ?? '', /eco admin credit acc_1/);
    const ending = { ...balance, available: '1.00', burn_rate_per_hour: '4.00' };
    assert.match(checkBalance(ending, documents.whoAmI())[0]?.message ?? '', /gone in 15 min/);
    const region = { ...documents.region(), reachable: false, message: 'its lease is held elsewhere' };
    assert.match(checkRegions([region])[0]?.message ?? '', /not reached: its lease is held elsewhere/);
    const failed = documents.workload({
      state: 'failed',
      reason: 'crashed',
      message: 'Its process ended with 1.',
      hint: null,
    });
    assert.deepEqual(checkFailed([failed])[0], {
      name: 'instance',
      state: 'failed',
      message: 'my-llama:142: Its process ended with 1.',
      fix: 'eco logs 142',
    });
  });
});
