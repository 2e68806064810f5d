import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { dealGpus } from '../server/cluster/local/deal.ts';
import { gpuType } from '../server/cluster/local/gpu-type.ts';
import { type Devices, findDevices, parseDevices } from '../server/cluster/local/nvidia.ts';
import { Config, type LocalRegionConfig } from '../server/config.ts';
import { describeGpus, planDevRegions } from '../server/dev/regions.ts';
import { startEco } from './harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'eco-gpus-'));
after(() => rmSync(folder, { recursive: true }));

const H100 = `0, GPU-0a1b2c3d-0000-0000-0000-000000000000, NVIDIA H100 80GB HBM3, 81559, Disabled
1, GPU-0a1b2c3d-0000-0000-0000-000000000001, NVIDIA H100 80GB HBM3, 81559, Disabled
`;
const MIXED = `0, GPU-aa, NVIDIA GeForce RTX 4090, 24564, [N/A]
1, GPU-bb, NVIDIA L40S, 46068, [N/A]
2, GPU-cc, NVIDIA GeForce RTX 4090, 24564, [N/A]
`;

describe('nvidia-smi', () => {
  for (const [title, output, types, problem] of [
    ['a server of two', H100, ['0 h100 81559', '1 h100 81559'], null],
    ['different cards', MIXED, ['0 rtx-4090 24564', '1 l40s 46068', '2 rtx-4090 24564'], null],
    ['memory that is the machine’s', '0, GPU-d1, NVIDIA GB10, [N/A], [N/A]\n', ['0 gb10 null'], null],
    ['line ends of Windows', '0, GPU-d1, Tesla T4, 15360, [N/A]\r\n', ['0 t4 15360'], null],
    [
      'one that is cut into slices',
      '0, GPU-d0, NVIDIA A100-SXM4-40GB, 40960, Enabled\n1, GPU-d1, NVIDIA A100-SXM4-40GB, 40960, Disabled\n',
      ['1 a100 40960'],
      /GPU 0 is cut into MIG slices/,
    ],
    [
      'one that is lost',
      'Unable to determine the device handle for GPU 0000:01:00.0: GPU is lost.  Reboot the system to recover this GPU\n1, GPU-d1, NVIDIA L4, 23034, [N/A]\n',
      ['1 l4 23034'],
      /Unable to determine the device handle/,
    ],
    ['none', 'No devices were found\n', [], /No devices were found/],
    ['nothing', '', [], /knows of no GPU/],
  ] as const)
    test(`says ${title}`, () => {
      const found = parseDevices(output);
      assert.deepEqual(
        found.devices.map(({ index, type, memory_mib }) => `${index} ${type} ${memory_mib}`),
        types,
      );
      if (problem) assert.match(String(found.problem), problem);
      else assert.equal(found.problem, null);
    });

  const stubbed = (name: string, script: string, timeoutMs?: number) =>
    findDevices({ PATH: stub(name, script) }, timeoutMs);

  test('is asked on the PATH', async () => {
    const { devices } = await stubbed('works', `[ "$2" = --format=csv,noheader,nounits ] && cat <<'END'\n${H100}END`);
    assert.equal(devices.length, 2);
  });

  test('that is not there, fails or hangs means no GPUs, and why', async () => {
    const broken = 'echo "NVIDIA-SMI has failed because it couldn’t communicate with the NVIDIA driver."; exit 9';
    for (const [found, why] of [
      [await findDevices({ PATH: folder }), /no nvidia-smi on this machine/],
      [await stubbed('fails', broken), /nvidia-smi failed: NVIDIA-SMI has failed because/],
      [await stubbed('mute', 'exit 12'), /nvidia-smi failed: /],
      [await stubbed('hangs', 'exec sleep 60', 50), /had no answer within 0\.05 s/],
    ] as const) {
      assert.deepEqual(found.devices, []);
      assert.match(String(found.problem), why);
    }
  });
});

/** A folder with a program of this name in it, and what programs usually need. */
function stub(name: string, script: string): string {
  const bin = mkdtempSync(join(folder, `${name}-`));
  writeFileSync(join(bin, 'nvidia-smi'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, 'nvidia-smi'), 0o755);
  return `${bin}:${process.env.PATH}`;
}

describe('types of GPUs', () => {
  for (const [name, type] of [
    ['NVIDIA H100 80GB HBM3', 'h100'],
    ['NVIDIA H100 PCIe', 'h100'],
    ['NVIDIA H200', 'h200'],
    ['NVIDIA B200', 'b200'],
    ['NVIDIA GH200 480GB', 'gh200'],
    ['NVIDIA A100-SXM4-80GB', 'a100'],
    ['NVIDIA A100 80GB PCIe', 'a100'],
    ['NVIDIA L40S', 'l40s'],
    ['NVIDIA RTX PRO 6000 Blackwell Server Edition', 'rtx-pro-6000'],
    ['NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition', 'rtx-pro-6000'],
    ['NVIDIA RTX 6000 Ada Generation', 'rtx-6000-ada'],
    ['NVIDIA GeForce RTX 4090', 'rtx-4090'],
    ['NVIDIA GeForce RTX 3060 Ti', 'rtx-3060-ti'],
    ['NVIDIA GeForce RTX 4070 Laptop GPU', 'rtx-4070'],
    ['Tesla V100-SXM2-16GB', 'v100'],
    ['Tesla T4', 't4'],
    ['Quadro RTX 8000', 'rtx-8000'],
    ['', 'gpu'],
  ] as const)
    test(`"${name}" is ${type}`, () => assert.equal(gpuType(name), type));
});

const region = (name: string, gpus: unknown, more: object = {}): LocalRegionConfig =>
  Config.parse({ regions: [{ name, kind: 'local', gpus, ...more }] }).regions[0] as LocalRegionConfig;

const dealt = (regions: LocalRegionConfig[], output: string) =>
  Object.fromEntries(
    [...dealGpus(regions, parseDevices(output))].map(([name, gpus]) => [
      name,
      gpus.map(
        ({ type, count, price_per_hour, devices }) => `${count} ${type} ${price_per_hour} ${devices ?? 'simulated'}`,
      ),
    ]),
  );

describe('GPUs are dealt to regions', () => {
  test('in shares, with prices of the configuration or the usual ones', () => {
    assert.deepEqual(dealt([region('a', 'auto'), region('b', 'auto', { prices: { h100: '2.00' } })], H100), {
      a: ['1 h100 3.20 0'],
      b: ['1 h100 2.00 1'],
    });
    assert.deepEqual(dealt([region('a', 'auto'), region('b', 'auto')], MIXED), {
      a: ['1 rtx-4090 0.60 0', '1 l40s 1.20 1'],
      b: ['1 rtx-4090 0.60 2'],
    });
    assert.deepEqual(dealt([region('a', 'auto'), region('b', 'auto')], ''), { a: [], b: [] });
  });

  test('lists first, by index or UUID; the rest is for those that say auto', () => {
    const list = [
      { type: 'gaming', devices: [0], price_per_hour: '1.00' },
      { type: 'l40s', devices: ['GPU-bb'], price_per_hour: '2.00' },
      { type: 'h100', count: 4, price_per_hour: '3.20' },
    ];
    assert.deepEqual(dealt([region('a', 'auto'), region('b', list)], MIXED), {
      a: ['1 rtx-4090 0.60 2'],
      b: ['1 gaming 1.00 0', '1 l40s 2.00 1', '4 h100 3.20 simulated'],
    });
  });

  test('a device that is named twice, or is not there, is refused', () => {
    const of = (name: string, ...devices: unknown[]) => region(name, [{ type: 'x', devices, price_per_hour: '1.00' }]);
    assert.throws(() => dealt([of('a', 0), of('b', 'GPU-aa')], MIXED), {
      name: 'ConfigError',
      message: /GPU 0 is named twice, in a and in b/,
    });
    assert.throws(() => dealt([of('a', 0, 0)], MIXED), /named twice/);
    assert.throws(
      () => dealt([of('a', 7)], MIXED),
      /a names GPU 7, which this machine does not have\. It has 0, 1, 2\./,
    );
    assert.throws(() => dealt([of('a', 0)], ''), /does not have\. nvidia-smi knows of no GPU/);
  });

  test('what the configuration says of devices is checked', () => {
    const wrong = (gpu: object, message: RegExp) =>
      assert.throws(() => region('a', [{ type: 'x', price_per_hour: '1.00', ...gpu }]), message);
    wrong({}, /must have a count, or devices/);
    wrong({ count: 2, devices: [0] }, /must be the number of devices/);
    wrong({ devices: ['first'] }, /must be an index or a UUID/);
    assert.throws(() => region('a', 'all'));
    const twice = { type: 'x', count: 1, price_per_hour: '1.00' };
    assert.throws(() => region('a', [twice, twice]), /must name each type once/);
  });
});

describe('eco dev', () => {
  const sayings = (found: Devices) => {
    const regions = planDevRegions(found);
    const text = regions.map(({ gpus }) =>
      gpus.map(({ type, count, devices }) => `${count} ${type} ${devices ?? 'simulated'}`),
    );
    return { text, says: describeGpus(regions, found) };
  };

  test('without GPUs simulates them in both regions, and says why', () => {
    const { text, says } = sayings({ devices: [], problem: 'There is no nvidia-smi on this machine.' });
    assert.deepEqual(text, [
      ['8 rtx-pro-6000 simulated', '8 h100 simulated'],
      ['8 rtx-pro-6000 simulated', '8 h100 simulated'],
    ]);
    assert.equal(says, 'GPUs are simulated. There is no nvidia-smi on this machine.');
  });

  test('shares what there is; one type is real in both regions or in one, never half simulated', () => {
    const { text, says } = sayings(parseDevices(H100));
    assert.deepEqual(text, [
      ['1 h100 0', '8 rtx-pro-6000 simulated'],
      ['1 h100 1', '8 rtx-pro-6000 simulated'],
    ]);
    assert.equal(says, 'GPUs of this machine: 1 × h100 in local-a, 1 × h100 in local-b; the others are simulated.');
    Config.parse({ regions: planDevRegions(parseDevices(H100)) });
    const one = sayings(parseDevices(H100.split('\n')[0]!));
    assert.deepEqual(one.text, [['1 h100 0', '8 rtx-pro-6000 simulated'], ['8 rtx-pro-6000 simulated']]);
    assert.match(one.says, /^GPUs of this machine: 1 × h100 in local-a; the others/);
  });
});

describe('regions with the GPUs of this machine', () => {
  test('offer them as real, give each replica its own, and refuse what does not fit before money is held', async () => {
    const path = process.env.PATH;
    process.env.PATH = stub('machine', `cat <<'END'\n${MIXED}END`);
    await using server = await startEco('sqlite', {
      regions: ['local-a', 'local-b'].map((name) => ({ name, kind: 'local', gpus: 'auto' })),
    }).finally(() => {
      process.env.PATH = path;
    });
    const { eco } = server;
    const offers = (await eco.regions.list()).data.flatMap(({ name, offers }) =>
      offers.map(({ gpu, total, simulated }) => [name, gpu, total, simulated]),
    );
    assert.deepEqual(offers, [
      ['local-a', 'rtx-4090', 1, false],
      ['local-a', 'l40s', 1, false],
      ['local-b', 'rtx-4090', 1, false],
    ]);

    const tell = `require('node:http').createServer((_, response) => response.end(process.env.CUDA_VISIBLE_DEVICES)).listen(process.env.PORT, '127.0.0.1')`;
    await eco.models.register({ name: 'mine', source: { type: 'image' } });
    const command = [process.execPath, '-e', tell];
    const { id } = await eco.instances.launch({
      model: 'mine',
      command,
      gpu: { type: 'rtx-4090' },
      env: { CUDA_VISIBLE_DEVICES: '0,1,2' },
    });
    await eco.instances.waitUntilRunning(id);
    const { data } = await eco.workloads.replicas(id);
    const told = data.map(async ({ address }) => (await fetch(`http://${address}`)).text());
    assert.deepEqual((await Promise.all(told)).toSorted(), ['0', '2']);

    const { available } = await eco.billing.balance();
    await assert.rejects(eco.instances.launch({ model: 'mine', command, gpu: { type: 'rtx-4090' } }), {
      code: 'no_capacity',
      message: /wanted 1 × rtx-4090 in local-a: 0 free of 1/,
    });
    await assert.rejects(eco.instances.launch({ model: 'mine', command, gpu: { type: 'l40s', count: 2 } }), {
      code: 'no_capacity',
      message: /wanted 2 × l40s in local-a: 1 free of 1/,
    });
    assert.equal((await eco.billing.balance()).available, available);
  });
});
