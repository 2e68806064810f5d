import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type CatalogCategory, formatMoney, type Prices } from '../sdk/contract/index.ts';
import { isPriced, priceGpuTime, priceUsage, type UnitCounts } from '../server/billing/price.ts';

const tokens = (input_tokens: number, output_tokens = 0, cached_input_tokens = 0) => ({
  input_tokens,
  cached_input_tokens,
  output_tokens,
});

describe('priceUsage', () => {
  for (const [name, prices, counts, nanos] of [
    ['charges input and output per 1M', { input_per_1m: '0.10', output_per_1m: '0.40' }, tokens(1000, 500), 300_000n],
    ['charges nothing at a price of zero', { input_per_1m: '0', output_per_1m: '0.00' }, tokens(9999, 9999), 0n],
    ['rounds half up', { input_per_1m: '0.0005', output_per_1m: '0' }, tokens(1), 1n],
    ['rounds below half down', { input_per_1m: '0.000499', output_per_1m: '0' }, tokens(1), 0n],
    ['rounds once, not per unit', { input_per_1m: '0.0004', output_per_1m: '0.0004' }, tokens(1, 1), 1n],
    [
      'takes cached tokens out of the input',
      { input_per_1m: '1', cached_input_per_1m: '0.1' },
      tokens(100, 0, 60),
      46_000n,
    ],
    ['charges cached tokens as input where they have no price', { input_per_1m: '1' }, tokens(100, 0, 60), 100_000n],
    [
      'gives cached tokens away at a price of zero',
      { input_per_1m: '1', cached_input_per_1m: '0' },
      tokens(100, 0, 100),
      0n,
    ],
    [
      'believes no more cached tokens than input',
      { input_per_1m: '1', cached_input_per_1m: '0.1' },
      tokens(10, 0, 99),
      1_000n,
    ],
    ['does not bill a unit that has no price', { input_per_1m: '1' }, tokens(1, 1_000_000), 1_000n],
  ] satisfies [string, Prices, ReturnType<typeof tokens>, bigint][]) {
    test(name, () => assert.equal(priceUsage(prices, counts), nanos));
  }

  for (const [name, prices, counts, nanos] of [
    ['charges images each', { per_image: '0.01' }, { images: 3 }, 30_000_000n],
    ['charges audio by the millisecond', { per_audio_second: '0.0001' }, { audio_ms: 1_500 }, 150_000n],
    ['charges characters per 1K', { per_1k_characters: '0.015' }, { characters: 1 }, 15_000n],
    ['charges documents per 1K', { per_1k_documents: '0.10' }, { documents: 250 }, 25_000_000n],
    ['charges video by the millisecond', { per_video_second: '0.05' }, { video_ms: 2_063 }, 103_150_000n],
    ['adds all units before it rounds', { input_per_1m: '0.0004', per_audio_second: '0.0000001' }, { audio_ms: 1 }, 1n],
    ['does not bill a unit without a price', { per_image: '0.01' }, { video_ms: 9_000 }, 0n],
  ] satisfies [string, Prices, Partial<UnitCounts>, bigint][])
    test(name, () => assert.equal(priceUsage(prices, { ...tokens(1), ...counts }), nanos));

  for (const bad of [-1, 0.5, Number.NaN, 2 ** 53])
    test(`refuses ${bad} tokens`, () =>
      assert.throws(() => priceUsage({ input_per_1m: '1' }, tokens(bad)), RangeError));

  test('refuses a cost that no balance could hold', () => {
    assert.throws(() => priceUsage({ input_per_1m: '9999999999' }, tokens(2 ** 52)), RangeError);
  });

  const count = fc.integer({ min: 0, max: 10_000_000 });
  const price = fc.bigInt({ min: 0n, max: 1_000_000_000_000n });

  test('is the exact cost to half a nano-dollar', () => {
    fc.assert(
      fc.property(price, price, count, count, (input, output, inputTokens, outputTokens) => {
        const prices = { input_per_1m: formatMoney(input), output_per_1m: formatMoney(output) };
        const cost = priceUsage(prices, tokens(inputTokens, outputTokens));
        const error = cost * 1_000_000n - (BigInt(inputTokens) * input + BigInt(outputTokens) * output);
        assert.ok(error > -500_000n && error <= 500_000n, `off by ${error} millionths`);
      }),
    );
  });

  test('never falls when tokens are added, nor rises when they come from a cache at a lower price', () => {
    fc.assert(
      fc.property(price, count, count, count, (input, inputTokens, outputTokens, more) => {
        const prices = { input_per_1m: formatMoney(input), cached_input_per_1m: formatMoney(input / 2n) };
        const cost = (at: number, cached = 0) => priceUsage(prices, tokens(at, outputTokens, cached));
        assert.ok(cost(inputTokens + more) >= cost(inputTokens));
        assert.ok(cost(inputTokens + more, more) <= cost(inputTokens + more));
      }),
    );
  });
});

describe('isPriced', () => {
  const token = { input_per_1m: '0.1', output_per_1m: '0.2' };
  for (const [category, prices, expected] of [
    ['chat', null, false],
    ['chat', {}, false],
    ['chat', { input_per_1m: '0.1' }, false],
    ['chat', { output_per_1m: '0.1' }, false],
    ['chat', token, true],
    ['chat', { input_per_1m: '0', output_per_1m: '0' }, true],
    ['vision', token, true],
    ['vision', { input_per_1m: '0.1', per_image: '1' }, false],
    ['embedding', { input_per_1m: '0.1' }, true],
    ['embedding', { output_per_1m: '0.1' }, false],
    ['reranker', { input_per_1m: '0.1' }, true],
    ['reranker', { per_1k_documents: '2' }, true],
    ['reranker', { output_per_1m: '2' }, false],
    ['image', { per_image: '0.02' }, true],
    ['image', token, false],
    ['speech', { per_1k_characters: '0.01' }, true],
    ['speech', { per_audio_second: '0.01' }, true],
    ['speech', token, false],
    ['transcription', { per_audio_second: '0.01' }, true],
    ['transcription', { per_1k_characters: '0.01' }, false],
    ['video', { per_video_second: '0.3' }, true],
    ['video', { per_image: '0.3' }, false],
  ] satisfies [CatalogCategory, Prices | null, boolean][]) {
    test(`${category} with ${JSON.stringify(prices)} is ${expected ? 'priced' : 'not priced'}`, () =>
      assert.equal(isPriced(category, prices), expected));
  }
});

describe('priceGpuTime', () => {
  const price_nanos = 2_490_000_000n;

  test('charges GPUs by the millisecond', () => {
    assert.equal(priceGpuTime([{ ms: 90 * 60_000, gpus: 2, price_nanos }]), 7_470_000_000n);
    assert.equal(priceGpuTime([{ ms: 1, gpus: 1, price_nanos: 3_600_000n }]), 1n);
    assert.equal(priceGpuTime([]), 0n);
  });

  test('sums before it rounds', () => {
    const third = { ms: 1, gpus: 1, price_nanos: 1_200_000n };
    assert.equal(priceGpuTime([third]), 0n);
    assert.equal(priceGpuTime([third, third, third]), 1n);
  });

  test('charges the same time the same, however it is cut into intervals', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 100_000_000 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(
        cuts,
        fc.integer({ min: 1, max: 16 }),
        fc.bigInt({ min: 0n, max: 20_000_000_000n }),
        (parts, gpus, price) => {
          const whole = { ms: parts.reduce((sum, ms) => sum + ms), gpus, price_nanos: price };
          assert.equal(priceGpuTime(parts.map((ms) => ({ ...whole, ms }))), priceGpuTime([whole]));
          assert.equal(priceGpuTime([{ ...whole, ms: -whole.ms }]), -priceGpuTime([whole]));
        },
      ),
    );
  });
});
