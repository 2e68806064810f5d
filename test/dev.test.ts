import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { Eco } from '../sdk/index.ts';
import { findProcesses } from './crash/processes.ts';
import { makeHome, startEcoDev } from './eco-dev.ts';
import { eco } from './run-eco.ts';
import { until } from './until.ts';

const hello = [{ role: 'user' as const, content: 'Hello' }];

const noProc = !existsSync('/proc/self/cmdline') && 'what is left is read from /proc';

describe('eco dev', { skip: noProc }, () => {
  test('serves, is alone on its folder, ends with all replicas, and goes on from there at the next start', async () => {
    using home = makeHome();
    const left = () => findProcesses(home.folder);
    const run = (args: string[]) => eco(args, { env: home.environment });
    const first = await startEcoDev(home);

    assert.match((await run(['chat', 'llama-3.1-8b-instruct', 'Hello'])).stdout, /\w+ \w+/);
    await run(['models', 'register', 'my-llama', '--image']);
    const launch = await run(['instances', 'launch', 'my-llama', '--image', 'ecolink/sim', '--yes', '--wait', '-q']);
    assert.deepEqual([launch.stdout, launch.code], ['2\n', 0]);
    assert.equal((await run(['chat', 'my-llama', 'By name'])).stdout, 'By name\n');

    const again = await run(['dev', '--port', '0', '--data', join(home.folder, 'data')]);
    assert.equal(again.code, 5);
    assert.match(again.stderr, new RegExp(`${first.ready.url} \\(process ${first.ready.pid}\\) runs on`));

    assert.ok(left().length > 4);
    assert.equal(await first.end('SIGINT', 2), 0);
    assert.deepEqual(left(), []);

    const second = await startEcoDev(home);
    assert.equal(second.ready.api_key, first.ready.api_key);
    const client = new Eco({ apiKey: second.ready.api_key, baseUrl: second.ready.url, maxRetries: 0 });
    for (const model of ['my-llama:2', 'llama-3.1-8b-instruct'])
      await until(`${model} answers again`, () =>
        client.chat.create({ model, messages: hello }).catch(() => undefined),
      );
    assert.equal(await second.end('SIGTERM'), 0);
    assert.deepEqual(left(), []);
  });

  test('a login to another server is not overwritten', async () => {
    using home = makeHome();
    const profiles = { default: { api_url: 'https://eco.example.com', api_key: 'eco_kept' } };
    const settings = join(home.environment.ECO_CONFIG_DIR!, 'config.json');
    mkdirSync(dirname(settings));
    writeFileSync(settings, JSON.stringify({ profiles }));
    const { code, stderr } = await eco(['dev', '--port', '0', '--data', join(home.folder, 'data')], {
      env: home.environment,
    });
    assert.deepEqual([code, /logged in to https:.*\n.*--profile dev/.test(stderr)], [2, true]);
    assert.deepEqual(JSON.parse(readFileSync(settings, 'utf8')), { profiles });
  });
});
