import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { post, startSim } from './sim.ts';
import { until } from './until.ts';

interface Job {
  id: string;
  object: string;
  status: string;
  model: string;
  created: number;
  completed_at?: number;
  video_url?: string;
  duration_seconds?: number;
  error?: { code: string };
}

const order = async (url: string, body: object = {}): Promise<Job> =>
  (await (await post(`${url}/v1/video/generations`, { model: 'm', prompt: 'a cat', ...body })).json()) as Job;

const look = async (url: string, { id }: Job): Promise<Job> =>
  (await (await fetch(`${url}/v1/video/generations/${id}`)).json()) as Job;

const done = (url: string, job: Job) =>
  until('the video is done', async () => {
    const now = await look(url, job);
    return now.status === 'completed' && now;
  });

/** The boxes of an MP4, those in it within. */
function readBoxes(file: Buffer): Record<string, Buffer> {
  const boxes: Record<string, Buffer> = {};
  for (let at = 0; at < file.length; ) {
    const length = file.readUInt32BE(at);
    assert.ok(length >= 8 && at + length <= file.length, 'each box lies within its parent');
    const name = file.toString('latin1', at + 4, at + 8);
    const inside = file.subarray(at + 8, at + length);
    boxes[name] = inside;
    if (['moov', 'trak', 'mdia', 'minf', 'stbl'].includes(name)) Object.assign(boxes, readBoxes(inside));
    at += length;
  }
  return boxes;
}

describe('videos of the simulator', () => {
  test('are queued while others have their turn, processed, and completed', async () => {
    await using sim = await startSim({ maxRunning: 1, videoMs: 60 });
    const [first, second] = [await order(sim.url), await order(sim.url, { num_frames: 8, fps: 4 })];
    assert.deepEqual([first.object, first.status, second.status], ['video.job', 'queued', 'queued']);
    assert.deepEqual(
      [(await look(sim.url, first)).status, (await look(sim.url, second)).status],
      ['processing', 'queued'],
    );
    const { video_url, duration_seconds, completed_at } = await done(sim.url, second);
    assert.deepEqual([video_url, duration_seconds], [`/v1/video/generations/${second.id}/content`, 2]);
    assert.ok((completed_at ?? 0) >= second.created);
    assert.equal((await look(sim.url, first)).duration_seconds, 33 / 16);
  });

  test('are MP4s whose frames are where the index says', async () => {
    await using sim = await startSim({ videoMs: 0 });
    const { video_url } = await done(sim.url, await order(sim.url, { num_frames: 5, fps: 10 }));
    const response = await fetch(sim.url + video_url);
    assert.equal(response.headers.get('content-type'), 'video/mp4');
    const file = Buffer.from(await response.arrayBuffer());
    const { ftyp, mdhd, stsz, stco, stsd } = readBoxes(file);
    assert.equal(ftyp?.toString('latin1', 0, 4), 'isom');
    assert.deepEqual([mdhd?.readUInt32BE(12), mdhd?.readUInt32BE(16)], [10, 5]);
    assert.deepEqual([stsd?.toString('latin1', 12, 16), stsd?.includes('avcC')], ['avc1', true]);
    let at = stco!.readUInt32BE(8);
    const frames = stsz!.readUInt32BE(8);
    assert.equal(frames, 5);
    for (let frame = 0; frame < frames; frame++) {
      const size = stsz!.readUInt32BE(12 + frame * 4);
      assert.equal(file.readUInt32BE(at), size - 4, 'a length before each slice');
      assert.equal(file[at + 4], 0x65, 'each frame stands by itself');
      const slice = file.subarray(at + 4, at + size);
      for (const code of [0, 1, 2]) assert.equal(slice.indexOf(Buffer.of(0, 0, code)), -1, 'no start code inside');
      at += size;
    }
    assert.equal(at, file.length);
  });

  test('are the same for the same prompt and seed', async () => {
    await using sim = await startSim({ videoMs: 0 });
    const film = async (body: object) => {
      const { video_url } = await done(sim.url, await order(sim.url, { num_frames: 2, ...body }));
      return Buffer.from(await (await fetch(sim.url + video_url)).arrayBuffer());
    };
    const first = await film({});
    assert.ok(first.equals(await film({})));
    assert.ok(!first.equals(await film({ seed: 9 })));
  });

  test('cancelled give their turn back; over and cancelled they are forgotten', async () => {
    await using sim = await startSim({ maxRunning: 1, videoMs: 600_000 });
    const cancel = (job: Job) => fetch(`${sim.url}/v1/video/generations/${job.id}`, { method: 'DELETE' });
    const [first, second] = [await order(sim.url), await order(sim.url)];
    assert.equal(((await (await cancel(first)).json()) as Job).status, 'cancelled');
    await until('the next has its turn', async () => (await look(sim.url, second)).status === 'processing');
    assert.equal((await look(sim.url, first)).status, 'cancelled');
    assert.equal((await fetch(`${sim.url}/v1/video/generations/${second.id}/content`)).status, 409);

    await using quick = await startSim({ videoMs: 0 });
    const job = await done(quick.url, await order(quick.url));
    await fetch(`${quick.url}/v1/video/generations/${job.id}`, { method: 'DELETE' });
    assert.equal((await fetch(`${quick.url}/v1/video/generations/${job.id}`)).status, 404);
  });

  test('fail where they are told to, with a reason', async () => {
    await using sim = await startSim({ videoMs: 0 });
    const response = await fetch(`${sim.url}/v1/video/generations`, {
      method: 'POST',
      headers: { 'x-sim-fail': 'video-fails' },
      body: JSON.stringify({ model: 'm', prompt: 'x' }),
    });
    const job = (await response.json()) as Job;
    await until('it has failed', async () => (await look(sim.url, job)).status === 'failed');
    assert.deepEqual((await look(sim.url, job)).error?.code, 'generation_failed');
    assert.equal((await fetch(`${sim.url}/v1/video/generations/${job.id}/content`)).status, 409);
  });

  test('of a wrong length or without a prompt are refused', async () => {
    await using sim = await startSim();
    for (const [field, value] of [
      ['num_frames', 82],
      ['fps', 0],
      ['prompt', 5],
    ] as const) {
      const response = await post(`${sim.url}/v1/video/generations`, { model: 'm', prompt: 'x', [field]: value });
      assert.deepEqual([response.status, (await response.text()).includes(`${field}: `)], [400, true]);
    }
  });
});
