import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { EcoError } from '../sdk/contract/index.ts';
import type { Stock } from '../server/regions/stock.ts';
import { custom } from '../server/workloads/engines/custom.ts';
import { sim } from '../server/workloads/engines/sim.ts';
import { startupSeconds } from '../server/workloads/engines/startup-seconds.ts';
import { vllm } from '../server/workloads/engines/vllm.ts';
import { checkRoom, lessReserved } from '../server/workloads/launch/capacity.ts';
import { planPlacement, quoteOf, type Wish } from '../server/workloads/launch/quote.ts';
import { holdOf, rateOf } from '../server/workloads/rate.ts';

type Gpu = [type: string, price: string, free: number, total?: number, block?: number];

const stock = (region: string, gpus: Gpu[], changes: Partial<Stock> = {}): Stock => ({
  region,
  kind: 'local',
  engines: ['sim'],
  unreachable: null,
  offers: gpus.map(([gpu, price_per_hour, free, total = 8, largest_free_block = free]) => ({
    gpu,
    price_per_hour,
    free,
    total,
    largest_free_block,
    simulated: true,
  })),
  ...changes,
});

const wish = (changes: Partial<Wish> = {}): Wish => ({
  regions: undefined,
  gpu: { count: 1 },
  replicas: 1,
  spread: 2,
  image: 'ecolink/sim',
  engine: sim,
  command: null,
  name: 'my-llama',
  ...changes,
});

const places = (of: Wish, regions: Stock[]) => {
  const { gpu, placements } = planPlacement(of, regions);
  return `${gpu.type} ${placements.map(({ region }) => region).join(' ')}`;
};
const two = [stock('a', [['h100', '3.20', 4]]), stock('b', [['h100', '3.20', 6]])];
const refuses = (of: Wish, regions: Stock[], code: string, message: RegExp) =>
  assert.throws(
    () => planPlacement(of, regions),
    (error) => error instanceof EcoError && error.code === code && message.test(error.message),
  );

describe('placement', () => {
  for (const [name, expected, of, regions] of [
    ['two regions, most free first', 'h100 b a', wish(), two],
    ['the two with most free out of three', 'h100 c b', wish(), [...two, stock('c', [['h100', '3.20', 8]])]],
    [
      'the cheapest type where none is named',
      'l4 a b',
      wish(),
      ['a', 'b'].map((r) =>
        stock(r, [
          ['h100', '3.20', 8],
          ['l4', '0.80', 8],
        ]),
      ),
    ],
    [
      'the next type where the cheapest has no room',
      'h100 a b',
      wish({ gpu: { count: 4 } }),
      ['a', 'b'].map((r) =>
        stock(r, [
          ['h100', '3.20', 8],
          ['l4', '0.80', 2],
        ]),
      ),
    ],
    [
      'the type that is named',
      'h100 a b',
      wish({ gpu: { type: 'h100', count: 1 } }),
      ['a', 'b'].map((r) =>
        stock(r, [
          ['h100', '3.20', 8],
          ['l4', '0.80', 8],
        ]),
      ),
    ],
    ['the regions that are named', 'h100 a', wish({ regions: ['a'] }), two],
    ['one region where there is one', 'h100 a', wish(), [stock('a', [['h100', '3.20', 1]])]],
    ['a named region twice is one', 'h100 a', wish({ regions: ['a', 'a'] }), two],
    ['not where the region is silent', 'h100 a', wish(), [two[0]!, stock('b', [], { unreachable: 'refused' })]],
    [
      'an image goes where images run',
      'h100 k',
      wish({ image: 'vllm/vllm-openai:v1', engine: vllm }),
      [...two, stock('k', [['h100', '9.00', 1]], { kind: 'kubernetes' })],
    ],
    ['a command runs in local regions', 'h100 b a', wish({ image: 'none', engine: custom, command: ['python'] }), two],
  ] satisfies [string, string, Wish, Stock[]][]) {
    test(name, () => assert.equal(places(of, regions), expected));
  }

  test('real GPUs are for engines and simulated ones for the simulator, then two regions go before a low price', () => {
    const regions = [
      stock('a', [
        ['h100', '3.20', 8],
        ['rtx-4090', '0.60', 1],
        ['l4', '0.80', 4],
      ]),
      stock('b', [
        ['h100', '3.20', 8],
        ['l4', '0.80', 4],
      ]),
    ];
    const real = regions.map(({ offers, ...region }) => ({
      ...region,
      engines: ['sim', 'vllm'],
      offers: offers.map((offer) => ({ ...offer, simulated: offer.gpu === 'h100' })),
    }));
    assert.equal(places(wish(), real), 'h100 a b');
    assert.equal(places(wish({ engine: vllm }), real), 'l4 a b');
    assert.equal(places(wish({ engine: vllm, gpu: { count: 8 } }), real), 'h100 a b', 'where no real one fits');
  });

  test('what cannot fit is refused with the arithmetic', () => {
    const full = [stock('local-a', [['h100', '3.20', 1, 8]])];
    refuses(
      wish({ gpu: { type: 'h100', count: 2 } }),
      full,
      'no_capacity',
      /^wanted 2 × h100 in local-a: 1 free of 8, largest free block 1\.$/,
    );
    const scattered = [stock('a', [['h100', '3.20', 6, 8, 3]])];
    refuses(
      wish({ gpu: { count: 4 } }),
      scattered,
      'no_capacity',
      /wanted 4 × h100 in a: 6 free of 8, largest free block 3/,
    );
    refuses(
      wish({ replicas: 3, gpu: { count: 4 } }),
      [stock('a', [['h100', '3.20', 8]])],
      'no_capacity',
      /wanted 3 replicas of 4 × h100 in a: 8 free of 8/,
    );
  });

  test('where one of two regions is full, it says that the other has room', () => {
    const half = [stock('a', [['h100', '3.20', 8]]), stock('b', [['h100', '3.20', 0]])];
    refuses(wish(), half, 'no_capacity', /in b: 0 free of 8.* a alone has room/);
    assert.equal(places(wish({ regions: ['a'] }), half), 'h100 a');
  });

  test('unknown names are refused with the known ones', () => {
    refuses(wish({ regions: ['eu-9'] }), two, 'invalid_request', /no region "eu-9"\. Known: a and b\./);
    refuses(wish({ gpu: { type: 'b200', count: 1 } }), two, 'invalid_request', /no "b200"\. Known: h100\./);
  });

  test('a local region refuses an image and names the flag', () => {
    refuses(
      wish({ image: 'vllm/vllm-openai:v1', engine: vllm }),
      two,
      'not_supported',
      /not the image "vllm.*no "vllm" on the PATH.*--image ecolink\/sim.*--command/,
    );
  });

  test('a named region that is silent is an outage, not a lack of room', () => {
    refuses(
      wish({ regions: ['b'] }),
      [two[0]!, stock('b', [], { unreachable: 'refused' })],
      'unavailable',
      /b cannot be reached: refused/,
    );
    refuses(wish(), [], 'unavailable', /No region is configured/);
  });

  test('less redundancy than usual is said, with its cause', () => {
    assert.match(String(planPlacement(wish(), [two[0]!]).notes), /one region is configured/);
    assert.match(
      String(planPlacement(wish(), [two[0]!, stock('b', [], { unreachable: 'refused' })]).notes),
      /b cannot be reached/,
    );
    assert.deepEqual(planPlacement(wish(), two).notes, []);
    assert.deepEqual(planPlacement(wish({ regions: ['a'] }), two).notes, []);
  });

  test('what is placed fits, everywhere and whatever is free', () => {
    const anyGpu = fc.tuple(
      fc.constantFrom('h100', 'l4'),
      fc.constantFrom('0.80', '3.20'),
      fc.nat(8),
      fc.constant(8),
      fc.nat(8),
    );
    const anyStock = fc.uniqueArray(anyGpu, { selector: ([type]) => type, maxLength: 2 });
    const anyWish = fc.record({
      count: fc.integer({ min: 1, max: 8 }),
      replicas: fc.integer({ min: 1, max: 4 }),
      named: fc.boolean(),
    });
    fc.assert(
      fc.property(anyStock, anyStock, anyWish, (first, second, { count, replicas, named }) => {
        const regions = [stock('a', first as Gpu[]), stock('b', second as Gpu[])];
        try {
          const { placements } = planPlacement(
            wish({ gpu: { count }, replicas, regions: named ? ['a', 'b'] : undefined }),
            regions,
          );
          for (const { free, largest_free_block } of placements)
            assert.ok(free >= count * replicas && largest_free_block >= count);
          assert.equal(new Set(placements.map(({ region }) => region)).size, placements.length);
          if (named) assert.equal(placements.length, 2);
        } catch (error) {
          assert.ok(
            error instanceof EcoError && ['no_capacity', 'invalid_request'].includes(error.code),
            String(error),
          );
        }
      }),
    );
  });
});

describe('room', () => {
  test('promised GPUs are not free', () => {
    const [left] = lessReserved(
      [stock('a', [['h100', '3.20', 4]])],
      [
        { region: 'a', gpu: 'h100', gpus: 3 },
        { region: 'b', gpu: 'h100', gpus: 9 },
      ],
    );
    assert.deepEqual([left?.offers[0]?.free, left?.offers[0]?.largest_free_block], [1, 1]);
  });

  test('more replicas than fit are refused with the arithmetic; none need no room', () => {
    const amount = { region: 'a', type: 'h100', count: 2 };
    assert.throws(
      () => checkRoom(two, [{ ...amount, replicas: 3 }]),
      /wanted 3 replicas of 2 × h100 in a: 4 free of 8/,
    );
    checkRoom(two, [{ ...amount, replicas: 2 }]);
    checkRoom([], [{ ...amount, replicas: 0 }]);
    assert.throws(() => checkRoom([], [{ ...amount, replicas: 1 }]), { code: 'unavailable' });
  });
});

describe('costs', () => {
  const spec = {
    placements: [
      { region: 'a', price_nanos: 3_200_000_000n },
      { region: 'b', price_nanos: 800_000_001n },
    ],
    replicas: 3,
    gpu: { type: 'h100', count: 2 },
  };

  test('the rate is the sum of prices times GPUs times replicas; the hold is hours of it', () => {
    assert.equal(rateOf(spec), 4_000_000_001n * 6n);
    assert.equal(holdOf(spec, 24), 4_000_000_001n * 6n * 24n);
  });

  test('a quote says what is left, also below zero', () => {
    const quote = quoteOf(planPlacement(wish(), two), {
      rate_nanos: 6_400_000_000n,
      hold_nanos: 153_600_000_000n,
      available_nanos: 100_000_000_000n,
      hold_hours: 24,
    });
    assert.deepEqual([quote.hold, quote.available_after, quote.affordable], ['153.60', '-53.60', false]);
  });

  test('large models may load for longer, at most an hour', () => {
    const seconds = (repo: string) => startupSeconds({ type: 'huggingface', repo, revision: 'main' });
    assert.deepEqual(
      ['org/tiny', 'org/llama-3.1-8B', 'org/llama-70b-it', 'org/big-671B'].map(seconds),
      [600, 600, 1700, 3600],
    );
  });
});
