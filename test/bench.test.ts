import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Result, Run } from '../bench/result.ts';
import { parseScenario } from '../bench/scenarios.ts';
import { tables } from '../bench/tables.ts';

const QUIET = { foreign_s: 0.01, steal_s: 0 };
const NOISY = { foreign_s: 2, steal_s: 0.5 };

function run(gateway: string, round: number, changes: Partial<Run>): Run {
  const none = {
    connect: 0,
    reset: 0,
    truncated: 0,
    no_done: 0,
    short: 0,
    timeout: 0,
    protocol: 0,
    status: {},
    total: 0,
  };
  return {
    ...{ gateway, round, scenario: 'json-c16', secs: 2, requests: 1000, rps: 500, mb_in_s: 1, mb_out_s: 1, tokens: 0 },
    ...{ tokens_s: 0, streams: 0, errors: none, cpu_s: { gateway: 0.02, upstream: 0.1, generator: 0.1 }, processes: 1 },
    ...{ ...QUIET, busy_before: 0, rss_mb_before: 20, rss_mb_peak: 30 },
    ...changes,
  };
}

const cpu = (gateway: number) => ({ cpu_s: { gateway, upstream: 0.1, generator: 0.1 } });

function rowsOf(runs: Run[]): Record<string, string[]> {
  const result: Result = {
    date: '2026-11-21T10:00:00.000Z',
    machine: { cpu: 'test', cores: 2, memory_gb: 8, kernel: '6' },
    options: { seconds: 2, base: 'nginx', peer: 'portkey' },
    gateways: ['direct', 'nginx', 'ecolink'].map((name) => ({ name, cpus: '0' })),
    scenarios: [{ name: 'json-c16', kind: 'closed', connections: 16 }],
    runs,
  };
  const [, table = ''] = tables(result).split('### json-c16\n');
  const rows = table.split('\n').filter((line) => line.startsWith('| '));
  return Object.fromEntries(rows.map((row) => [row.split(' | ')[0]?.slice(2), row.slice(0, -2).split(' | ').slice(1)]));
}

describe('bench: tables', () => {
  test('a figure is the median of the rounds, a ratio the median of the ratios within a round', () => {
    const rows = rowsOf([
      ...[0, 1, 2].map((round) => run('nginx', round, cpu([0.01, 0.02, 0.04][round]!))),
      ...[0, 1, 2].map((round) => run('ecolink', round, cpu([0.03, 0.04, 0.2][round]!))),
    ]);
    assert.deepEqual(rows.gateway!.slice(0, 4), ['req/s', '× nginx', 'CPU µs/req', '× nginx']);
    assert.deepEqual(rows.ecolink!.slice(0, 4), ['500', '1.00', '40.0', '3.00']);
  });

  test('a noisy run is left out where there is a quiet one', () => {
    const rows = rowsOf([
      run('ecolink', 0, { rps: 100, ...NOISY }),
      run('ecolink', 1, { rps: 700 }),
      run('nginx', 0, { rps: 900, ...NOISY }),
    ]);
    assert.equal(rows.ecolink![0], '700');
    assert.equal(rows.nginx![0], '900');
  });

  test('errors are told by kind', () => {
    const errors = { ...run('nginx', 0, {}).errors, reset: 2, status: { '503': 4 }, total: 6 };
    assert.equal(rowsOf([run('nginx', 0, { errors })]).nginx!.at(-1), '2 reset, 4 503');
  });
});

describe('bench: scenarios', () => {
  for (const [name, expected] of [
    ['json-c16', { kind: 'closed', connections: 16, plan: 'sim' }],
    ['open-1k', { kind: 'open', requests_per_second: 1000 }],
    ['body-1m', { kind: 'closed', connections: 8, plan: 'sim-1m' }],
    ['prompt-400k', { prompt_bytes: 400_000, plan: 'sim' }],
    [
      'stream-200x100@20ms',
      { kind: 'stream', connections: 200, tokens: 100, plan: 'sim-100t-20ms', window_seconds: 2 },
    ],
    ['stream-full', { kind: 'stream', connections: 64, tokens: 200, plan: 'sim-200t-0ms' }],
    ['upload-10m', { kind: 'upload', upload_bytes: 10_000_000 }],
    ['idle-1k', { kind: 'idle', wanted: 1000, rounds: 1 }],
  ] as const)
    test(`${name} says it all`, () => assert.partialDeepStrictEqual(parseScenario(name), { name, ...expected }));

  test('another name is refused', () =>
    assert.throws(() => parseScenario('json'), /No such scenario: json\. Known: json-c1,/));
});
