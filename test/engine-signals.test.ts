import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseOptions } from '../server/cluster/simulator/options.ts';
import type { personalities } from '../server/cluster/simulator/personalities/index.ts';
import { correct, notePeak, PEAK_EVERY_MS } from '../server/gateway/engines/correct.ts';
import { parseMetrics } from '../server/gateway/engines/parse-metrics.ts';
import { mismatchEvent, readNames } from '../server/gateway/engines/served-names.ts';
import { readSignals } from '../server/gateway/engines/signals.ts';
import type { ReplicaLoad } from '../server/gateway/engines/store.ts';
import { newHealth, noteGone, noteSent } from '../server/gateway/health.ts';
import { startSim } from './sim.ts';

describe('a text of metrics', () => {
  for (const [what, text, expected] of [
    ['a plain sample', 'te_queue_size 3', [['te_queue_size', {}, 3]]],
    ['names with colons', 'vllm:a:b 1\n', [['vllm:a:b', {}, 1]]],
    ['labels', 'a{x="1",y="two"} 5', [['a', { x: '1', y: 'two' }, 5]]],
    ['braces, commas and quotes in labels', 'a{x="}, \\"{\\\\\\n"} 5', [['a', { x: '}, "{\\\n' }, 5]]],
    ['spaces and a last comma', '  a { x = "1" , } 5 ', [['a', { x: '1' }, 5]]],
    ['no space after labels', 'a{x="1"}5', [['a', { x: '1' }, 5]]],
    ['empty labels', 'a{} 5', [['a', {}, 5]]],
    [
      'times and exemplars',
      'a 1 1700000000000\nb{x="1"} 2 # {id="9"} 0.5',
      [
        ['a', {}, 1],
        ['b', { x: '1' }, 2],
      ],
    ],
    [
      'exponents',
      'a 1.5e+03\nb -2E-1\nc .5\nd 7.',
      [
        ['a', {}, 1500],
        ['b', {}, -0.2],
        ['c', {}, 0.5],
        ['d', {}, 7],
      ],
    ],
    [
      'what is no number',
      'a NaN\nb +Inf\nc -Inf\nd nan',
      [
        ['a', {}, Number.NaN],
        ['b', {}, Infinity],
        ['c', {}, -Infinity],
        ['d', {}, Number.NaN],
      ],
    ],
    ['comments and empty lines', '# HELP a b 1\n# TYPE a gauge\n\na 1\n# EOF\n', [['a', {}, 1]]],
    [
      'lines that end as on Windows',
      'a 1\r\nb 2\r\n',
      [
        ['a', {}, 1],
        ['b', {}, 2],
      ],
    ],
    ['what is no sample', 'a\na \na{x="1" 5\na{x="1} 5\na x\n1a 5\n{"a":1}\n<html>\na 0x10', []],
    ['a line without an end', `a{x="${'y'.repeat(100_000)}`, []],
    ['nothing', '', []],
  ] satisfies [string, string, [string, Record<string, string>, number][]][]) {
    test(`with ${what}`, () => {
      const samples = parseMetrics(text).map(({ name, labels, value }) => [name, labels, value]);
      assert.deepEqual(samples, expected);
    });
  }

  test('gives back what was written, whatever the labels say', () => {
    const name = fc.stringMatching(/^[a-zA-Z_:][\w:]{0,20}$/);
    const labels = fc.dictionary(fc.stringMatching(/^[a-zA-Z]\w{0,8}$/), fc.string(), { maxKeys: 4 });
    const value = fc.double({ noDefaultInfinity: true }).map((each) => each + 0); // no minus zero
    const escaped = (text: string) => text.replaceAll(/[\\"]/g, '\\$&').replaceAll('\n', '\\n');
    fc.assert(
      fc.property(fc.array(fc.tuple(name, labels, value)), (written) => {
        const lines = written.map(([name, labels, value]) => {
          const told = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
          return `${name}{${told.join(',')}} ${value}`;
        });
        const read = parseMetrics(lines.join('\n')).map(({ name, labels, value }) => [name, labels, value]);
        assert.deepEqual(
          read,
          written.map(([name, labels, value]) => [name, { ...labels }, value]),
        );
      }),
    );
  });

  test('is read whatever it is', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => void parseMetrics(text)));
  });
});

const signals = (running?: number, waiting?: number, kvUse?: number) => ({ running, waiting, kvUse });

describe('the load in the metrics of', () => {
  const vllm = (cache: string) => `# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="my-llama"} 5.0
vllm:num_requests_waiting{engine="0",model_name="my-llama"} 2.0
${cache}{engine="0",model_name="my-llama"} 0.25
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.001",model_name="my-llama"} 0.0
vllm:request_success_total{engine="0",finished_reason="stop",model_name="my-llama"} 81.0
`;
  for (const [engine, text, expected] of [
    ['vLLM', vllm('vllm:kv_cache_usage_perc'), signals(5, 2, 0.25)],
    ['vLLM before the cache was renamed', vllm('vllm:gpu_cache_usage_perc'), signals(5, 2, 0.25)],
    [
      'vLLM that tells both names',
      `${vllm('vllm:kv_cache_usage_perc')}vllm:gpu_cache_usage_perc 0.75`,
      signals(5, 2, 0.25),
    ],
    [
      'vLLM with two engines',
      'vllm:num_requests_running{engine="0"} 3\nvllm:num_requests_running{engine="1"} 4\nvllm:num_requests_waiting{engine="0"} 0\nvllm:num_requests_waiting{engine="1"} 6\nvllm:kv_cache_usage_perc{engine="0"} 0.5\nvllm:kv_cache_usage_perc{engine="1"} 1.0',
      signals(7, 6, 0.75),
    ],
    [
      'SGLang',
      'sglang:num_running_reqs{model_name="m"} 4.0\nsglang:num_queue_reqs{model_name="m"} 1.0\nsglang:token_usage{model_name="m"} 0.28\nsglang:cache_hit_rate{model_name="m"} 0.9',
      signals(4, 1, 0.28),
    ],
    [
      'SGLang without colons',
      'sglang_num_running_reqs 4\nsglang_num_queue_reqs 1\nsglang_token_usage 0.28',
      signals(4, 1, 0.28),
    ],
    ['TGI', 'tgi_batch_current_size 7\ntgi_queue_size 3\ntgi_batch_current_max_tokens 4096', signals(7, 3)],
    [
      'text-embeddings-inference',
      '# TYPE te_queue_size gauge\nte_queue_size 9\nte_request_count 100',
      signals(undefined, 9),
    ],
    [
      'llama.cpp',
      'llamacpp:predicted_tokens_seconds nan\nllamacpp:requests_processing 1\nllamacpp:requests_deferred 2',
      signals(1, 2),
    ],
    [
      'LMDeploy',
      'lmdeploy:num_requests_running{engine="0"} 2\nlmdeploy:num_requests_waiting{engine="0"} 0\nlmdeploy:gpu_cache_usage_perc{engine="0"} 0.1',
      signals(2, 0, 0.1),
    ],
    [
      'TensorRT-LLM',
      'trtllm_num_requests_running 3\ntrtllm_num_requests_waiting 4\ntrtllm_kv_cache_utilization 0.5',
      signals(3, 4, 0.5),
    ],
    [
      'NIM',
      'num_requests_running{model_name="m"} 3\nnum_requests_waiting{model_name="m"} 4\ngpu_cache_usage_perc{model_name="m"} 0.5',
      signals(3, 4, 0.5),
    ],
    ['an engine that counts no such thing', 'http_requests_total{handler="/embeddings"} 12', signals()],
    [
      'an engine that tells nonsense',
      'vllm:num_requests_running NaN\nvllm:num_requests_waiting -3\nvllm:kv_cache_usage_perc 41.5',
      signals(),
    ],
    ['a page', '<html><body>vllm:num_requests_running 5</body></html>', signals()],
    ['nothing', '', signals()],
  ] satisfies [string, string, ReturnType<typeof signals>][])
    test(engine, () => assert.deepEqual(readSignals(text), expected));

  const told: Record<keyof typeof personalities, (keyof ReturnType<typeof signals>)[]> = {
    vllm: ['running', 'waiting', 'kvUse'],
    'vllm-old': ['running', 'waiting', 'kvUse'],
    sglang: ['running', 'waiting', 'kvUse'],
    tgi: ['running', 'waiting'],
    'llama.cpp': ['running', 'waiting'],
    tei: ['waiting'],
    ollama: [],
    lmdeploy: ['running', 'waiting', 'kvUse'],
    infinity: [],
  };
  for (const [personality, expected] of Object.entries(told))
    test(`the simulator as ${personality}`, async () => {
      await using sim = await startSim({ ...parseOptions(['--personality', personality, '--metrics', '--port', '0']) });
      const found = readSignals(await (await fetch(`${sim.url}/metrics`)).text());
      assert.deepEqual(
        (['running', 'waiting', 'kvUse'] as const).filter((signal) => found[signal] === 0),
        expected,
        'of an idle engine what it tells is zero, and all else unknown',
      );
    });
});

const NOW = 1_800_000_000_000;
const VALID_MS = 6_000;
const told = (load: Partial<ReplicaLoad> = {}): ReplicaLoad => ({
  replica_id: 'r',
  address: 'a:1',
  asked_at: NOW,
  told_at: NOW,
  ...load,
});

describe('what an engine tells', () => {
  const hold = (count: number) => {
    const health = newHealth();
    for (let i = 0; i < count; i++) noteSent(health);
    return health;
  };
  const corrected = (health = newHealth(), load: Partial<ReplicaLoad> = {}, now = NOW) => {
    correct(health, told(load), { now, validMs: VALID_MS });
    return health;
  };

  test('is of others as far as it is more than ours, and never less than nothing', () => {
    const count = fc.option(fc.nat(50), { nil: undefined });
    fc.assert(
      fc.property(fc.nat(50), count, count, (ours, running, waiting) => {
        const load = { ...(running !== undefined && { running }), ...(waiting !== undefined && { waiting }) };
        const { others, inFlight } = corrected(hold(ours), load);
        assert.equal(others, Math.max(0, (running ?? 0) + (waiting ?? 0) - ours));
        assert.equal(inFlight, ours);
      }),
    );
  });

  test('is compared with what we had there then, also when it is heard of later', () => {
    const health = hold(8);
    notePeak(health, NOW + PEAK_EVERY_MS / 2);
    for (let i = 0; i < 8; i++) noteGone(health);
    for (let at = 1; at < 12; at++) notePeak(health, NOW + at * PEAK_EVERY_MS + PEAK_EVERY_MS / 2);
    for (let i = 0; i < 30; i++) noteSent(health);
    const heardAt = NOW + 12 * PEAK_EVERY_MS;
    assert.equal(corrected(health, { running: 10 }, heardAt).others, 2);
  });

  test('is not mistaken for others where requests come and go between two notes', () => {
    const health = hold(5);
    for (let i = 0; i < 5; i++) noteGone(health);
    assert.equal(corrected(health, { running: 5 }).others, 0);
    notePeak(health, NOW);
    assert.equal(corrected(health, { running: 5, asked_at: NOW + 1_000, told_at: NOW + 1_000 }, NOW + 1_000).others, 0);
    notePeak(health, NOW + 20_000);
    assert.deepEqual(health.peaks, [], 'what is long past is forgotten');
  });

  test('once is heard once', () => {
    const health = corrected(newHealth(), { running: 5 });
    assert.equal(corrected(health, { running: 9 }).others, 5);
    assert.equal(corrected(health, { running: 9, asked_at: NOW - 1 }).others, 5);
    assert.equal(corrected(health, { running: 9, asked_at: NOW + 1 }, NOW + 1).others, 9);
    assert.equal(health.toldUntil, NOW + 1 + VALID_MS);
    const ahead = NOW + 3_600_000;
    assert.equal(corrected(newHealth(), { running: 5, asked_at: ahead, told_at: ahead }).toldUntil, NOW + VALID_MS);
  });

  for (const [kv_use, waiting, isFull] of [
    [0.95, 1, true],
    [1, 0, false],
    [0.94, 9, false],
    [undefined, 9, false],
    [1, undefined, false],
  ] as const)
    test(`a cache of ${kv_use} with ${waiting} waiting is ${isFull ? '' : 'not '}full`, () => {
      const load = { ...(kv_use !== undefined && { kv_use }), ...(waiting !== undefined && { waiting }) };
      assert.equal(corrected(newHealth(), load).isFull, isFull);
    });
});

describe('names that an engine serves', () => {
  for (const [what, text, expected] of [
    ['a list', '{"object":"list","data":[{"id":"a"},{"id":"b","object":"model"}]}', ['a', 'b']],
    ['an empty list', '{"object":"list","data":[]}', undefined],
    ['another list', '{"models":[{"name":"a"}]}', undefined],
    ['a list of texts', '{"data":["a"]}', undefined],
    ['no JSON', '<html>', undefined],
    ['nothing', '', undefined],
  ] satisfies [string, string, string[] | undefined][])
    test(`in ${what}`, () => assert.deepEqual(readNames(text), expected));

  for (const [engine, listed, wanted, expected] of [
    ['vllm', ['mine'], ['mine'], undefined],
    ['vllm', ['other', 'mine'], ['mine'], undefined],
    ['ollama', ['mine:latest'], ['mine'], undefined],
    [
      'vllm',
      ['org/Model'],
      ['mine'],
      /^It serves "org\/Model", and requests ask for "mine": .*with --served-model-name mine\.$/,
    ],
    ['llama.cpp', ['x.gguf'], ['mine'], /with --alias mine\.$/],
    ['custom', ['b', 'a'], ['mine'], /^It serves "a" and "b", .*so that it serves this name\.$/],
    ['vllm', ['a'], ['a', 'b'], /requests ask for "b"/],
    ['vllm', Array.from({ length: 20 }, (_, n) => `n${n}`), ['mine'], /and 12 more/],
    ['vllm', ['x'.repeat(5_000)], ['mine'], /^.{1,300}$/],
  ] satisfies [string, string[], string[], RegExp | undefined][])
    test(`${engine} with ${listed.join().slice(0, 20)} for ${wanted}`, () => {
      const event = mismatchEvent(engine, { listed, wanted });
      if (expected === undefined) return assert.equal(event, undefined);
      assert.equal(event?.reason, 'served_name_mismatch');
      assert.equal(event.type, 'warning');
      assert.match(event.message, expected);
    });
});
