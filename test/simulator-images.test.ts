import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { crc32, inflateSync } from 'node:zlib';
import { toFile } from 'openai';
import { startSim } from './sim.ts';

/** Reads a PNG of three bytes a pixel; fails where it is not exactly that. */
function decodePng(file: Buffer) {
  assert.equal(file.toString('latin1', 0, 8), '\x89PNG\r\n\x1a\n');
  const chunks: [string, Buffer][] = [];
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    const named = file.subarray(at + 4, at + 8 + length);
    assert.equal(file.readUInt32BE(at + 8 + length), crc32(named));
    chunks.push([named.toString('latin1', 0, 4), named.subarray(4)]);
    at += length + 12;
  }
  const [[first, header], ...rest] = chunks as [[string, Buffer], ...[string, Buffer][]];
  assert.deepEqual([first, rest.at(-1)?.[0]], ['IHDR', 'IEND']);
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  assert.deepEqual([...header.subarray(8)], [8, 2, 0, 0, 0]);
  const rows = inflateSync(Buffer.concat(rest.filter(([type]) => type === 'IDAT').map(([, data]) => data)));
  const stride = width * 3;
  assert.equal(rows.length, (stride + 1) * height);
  const pixels = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    assert.equal(rows[y * (stride + 1)], 2, 'each row differs from the one above');
    for (let x = 0; x < stride; x++)
      pixels[y * stride + x] = rows[y * (stride + 1) + 1 + x]! + (y > 0 ? pixels[(y - 1) * stride + x]! : 0);
  }
  return { width, height, pixels };
}

const decode = (b64: string | undefined) => decodePng(Buffer.from(b64 ?? '', 'base64'));
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

describe('images of the simulator', () => {
  test('are PNGs of the size that was asked for, 1024 by 1024 otherwise', async () => {
    await using sim = await startSim();
    const sizeOf = async (size?: string) => {
      const { data } = await sim.openai.images.generate({
        model: 'm',
        prompt: 'a cat',
        ...(size && { size: size as 'auto' }),
      });
      const { width, height, pixels } = decode(data?.[0]?.b64_json);
      assert.ok(new Set(pixels).size > 8, 'it is not all of one colour');
      return [width, height];
    };
    assert.deepEqual(
      [await sizeOf(), await sizeOf('100x37')],
      [
        [1024, 1024],
        [100, 37],
      ],
    );
  });

  test('are the same for the same prompt and seed, and differ among n', async () => {
    await using sim = await startSim();
    const draw = async (body: object) =>
      (
        await sim.openai.images.generate({ model: 'm', prompt: 'a cat', size: '64x64' as 'auto', n: 2, ...body })
      ).data?.map(({ b64_json }) => b64_json);
    const first = await draw({});
    assert.deepEqual(await draw({}), first);
    assert.equal(new Set(first).size, 2);
    assert.notDeepEqual(await draw({ seed: 2 }), first);
    assert.notDeepEqual(await draw({ prompt: 'a dog' }), first);
  });

  test('can be fetched at the address that was given for them', async () => {
    await using sim = await startSim();
    const ask = { model: 'm', prompt: 'a cat', size: '64x64' as 'auto' };
    const { data } = await sim.openai.images.generate({ ...ask, response_format: 'url' });
    const response = await fetch(data?.[0]?.url ?? '');
    assert.equal(response.headers.get('content-type'), 'image/png');
    const same = await sim.openai.images.generate(ask);
    assert.deepEqual(Buffer.from(await response.arrayBuffer()).toString('base64'), same.data?.[0]?.b64_json);
    assert.equal((await fetch(`${sim.url}/files/none.png`)).status, 404);
  });

  test('edited have sides that are multiples of 16, and differ by the picture they come from', async () => {
    await using sim = await startSim();
    const edit = async (bytes: Buffer, size: string) =>
      (
        await sim.openai.images.edit({
          model: 'm',
          prompt: 'blue',
          image: await toFile(bytes, 'a.png'),
          size: size as 'auto',
        })
      ).data?.[0]?.b64_json;
    const first = await edit(PNG, '70x100');
    const { width, height } = decode(first);
    assert.deepEqual([width, height], [64, 96]);
    assert.notEqual(await edit(Buffer.concat([PNG, Buffer.of(1)]), '70x100'), first);
    await assert.rejects(edit(Buffer.from('no picture'), '64x64'), { status: 400, message: /image: / });
  });

  test('of a wrong size, or too many, are refused', async () => {
    await using sim = await startSim();
    for (const [field, value] of [
      ['size', '9x9'],
      ['size', 'big'],
      ['n', 11],
    ] as const)
      await assert.rejects(sim.openai.images.generate({ model: 'm', prompt: 'x', [field]: value } as never), {
        status: 400,
        message: new RegExp(`${field}: `),
      });
  });
});
