import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { VideoJob } from '../sdk/contract/index.ts';
import { startEco, type TestEco } from './harness.ts';
import { until } from './until.ts';

/** Videos of the simulator in a local region: an instance of the account's own makes them. */
describe('videos of an own instance', () => {
  let server: TestEco;
  before(async () => {
    server = await startEco();
    await server.eco.models.register({ name: 'my-wan', category: 'video', source: { type: 'image' } });
  });
  after(() => server[Symbol.asyncDispose]());

  const call = (path: string, init: RequestInit = {}) =>
    fetch(`${server.url}/v1/video/generations${path}`, {
      ...init,
      headers: { authorization: `Bearer ${server.apiKey}` },
    });
  const launch = async (time: string) => {
    const { id } = await server.eco.instances.launch({
      model: 'my-wan',
      image: 'ecolink/sim',
      gpu: { type: 'l4' },
      regions: ['local-a'],
      args: ['--video-time', time],
    });
    return server.eco.instances.waitUntilRunning(id);
  };
  const order = async (model: string) => {
    const response = await call('', {
      method: 'POST',
      body: JSON.stringify({ model, prompt: 'a cat', num_frames: 8 }),
    });
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()) as VideoJob;
  };
  const reached = (id: string, status: string) =>
    until(`the video is ${status}`, async () => {
      const job = (await (await call(`/${id}`)).json()) as VideoJob;
      return job.status === status && job;
    });

  test('are made, fetched whole and in part, recorded at no cost, and gone with the instance', async () => {
    const instance = await launch('200ms');
    const { id } = await order(instance.ref);
    const job = await reached(id, 'completed');
    assert.equal(job.duration_seconds, 0.5);

    const content = await call(`/${id}/content`);
    assert.equal(content.headers.get('content-type'), 'video/mp4');
    assert.equal(content.headers.get('x-ecolink-region'), 'local-a');
    const bytes = Buffer.from(await content.arrayBuffer());
    assert.equal(bytes.toString('latin1', 4, 8), 'ftyp');

    const { data } = await server.eco.billing.usage({ group_by: 'request' });
    const row = data.find(({ group }) => group === id);
    assert.deepEqual([row?.cost, row?.video_seconds, row?.workload_id], ['0.00', 0.5, instance.id]);

    await server.eco.workloads.stop(instance.id);
    await server.eco.workloads.waitUntil(instance.id, ['stopped']);
    const gone = await call(`/${id}/content`);
    assert.equal(gone.status, 404);
    assert.match(await gone.text(), /replica that had this video has ended/);
    assert.equal((await reached(id, 'completed')).id, id);
  });

  test('fail when the instance is terminated under them', async () => {
    const instance = await launch('60s');
    const { id } = await order(instance.ref);
    await reached(id, 'processing');
    await server.eco.workloads.terminate(instance.id);
    const { error } = await reached(id, 'failed');
    assert.match(error?.message ?? '', /replica that had this video has ended/);
    const { data } = await server.eco.billing.usage({ group_by: 'request' });
    assert.ok(!data.some(({ group }) => group === id));
  });
});
