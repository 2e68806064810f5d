import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { isBelow } from '../server/cluster/filesystem.ts';
import { startEco, type TestEco } from './harness.ts';

const GPUS = [{ type: 'h100', count: 4, price_per_hour: '3.20' }];

/** Says what it finds in the folder that it is told, and is ready. */
const READER = `
  console.log('found ' + require('node:fs').readdirSync(process.argv[1]).join());
  require('node:http').createServer((_, response) => response.end()).listen(process.env.PORT, process.env.HOST);
`;

describe('weights on a filesystem', () => {
  const folder = mkdtempSync(join(tmpdir(), 'eco-fs-'));
  const lost = join(folder, 'lost');
  const mine = join(folder, 'mine');
  let server: TestEco;

  before(async () => {
    mkdirSync(join(mine, 'my-ft/layers'), { recursive: true });
    const regions = [
      { name: 'local-a', kind: 'local', gpus: GPUS, filesystems: [{ name: 'mine', path: mine }] },
      { name: 'local-b', kind: 'local', gpus: GPUS, filesystems: [{ name: 'lost', path: lost }] },
    ];
    server = await startEco('sqlite', { regions });
    await register('my-ft', 'mine', join(mine, 'my-ft'));
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const register = (name: string, filesystem: string, path: string) =>
    server.eco.models.register({ name, source: { type: 'filesystem', filesystem, path } });
  const launch = (model: string, path: string) => ({
    model,
    command: [process.execPath, '-e', READER, path],
    gpu: { type: 'h100' },
  });

  test('regions say which they have', async () => {
    const { data } = await server.eco.regions.list();
    assert.deepEqual(
      data.map(({ filesystems }) => filesystems),
      [[{ name: 'mine', mount: mine, size_gib: null }], [{ name: 'lost', mount: lost, size_gib: null }]],
    );
  });

  test('a model is refused whose filesystem is not known, or whose path is not below it', async () => {
    await assert.rejects(register('other', 'mien', join(mine, 'x')), {
      code: 'invalid_request',
      param: 'source.filesystem',
      message: /no region has a filesystem "mien"\. Did you mean "mine"\? Known: mine, lost\./,
    });
    for (const path of ['/x', mine, `${mine}/`, `${mine}/../lost/x`, `${mine}//x`, `${mine}x/y`])
      await assert.rejects(register('other', 'mine', path), { code: 'invalid_request', param: 'source.path' });
    await assert.rejects(
      server.eco.models.update('my-ft', { source: { type: 'filesystem', filesystem: 'mine', path: '/x' } }),
      { code: 'invalid_request', param: 'source.path' },
    );
  });

  test('it runs in the filesystem’s region alone, and reads there', async () => {
    const input = launch('my-ft', join(mine, 'my-ft'));
    const quote = await server.eco.instances.quote(input);
    assert.deepEqual(quote.notes, ['It runs in local-a only, where its weights are: on the filesystem "mine".']);
    await assert.rejects(server.eco.instances.quote({ ...input, regions: ['local-a', 'local-b'] }), {
      code: 'invalid_request',
      param: 'regions',
      message: /cannot run in local-b/,
    });
    const { id } = await server.eco.instances.launch({ ...input, replicas: 2 });
    const { regions } = await server.eco.instances.waitUntilRunning(id, { timeoutMs: 20_000 });
    assert.deepEqual(regions, [{ region: 'local-a', desired: 2, ready: 2 }]);
    const lines = await Array.fromAsync(server.eco.workloads.logs(id, { tail: 100 }));
    assert.ok(lines.some(({ text }) => text === 'found layers'));
  });

  test('a folder that is not there is told as that', async () => {
    await register('gone', 'lost', join(lost, 'x'));
    const { id } = await server.eco.instances.launch(launch('gone', join(lost, 'x')));
    await assert.rejects(server.eco.instances.waitUntilRunning(id, { timeoutMs: 20_000 }));
    const { state, reason, message } = await server.eco.workloads.get(id);
    assert.deepEqual([state, reason], ['failed', 'bad_config']);
    assert.ok(message.includes(`There is no folder ${lost} on this machine`), message);
  });
});

test('a path is below a folder when it goes on from it and never climbs', () => {
  const name = fc.stringMatching(/^[\w-]{1,8}$/);
  fc.assert(
    fc.property(fc.array(name, { minLength: 1 }), fc.array(name, { minLength: 1 }), (folder, rest) => {
      const [above, below] = [`/${folder.join('/')}`, rest.join('/')];
      assert.ok(isBelow(above, `${above}/${below}`));
      for (const path of [above, `${above}/`, `${above}/../${below}`, `${above}/./${below}`, `${above}${below}`, below])
        assert.ok(!isBelow(above, path), path);
    }),
  );
});
