import type { Run } from './result.ts';
import type { Kind } from './scenarios.ts';

/** A figure of a run; `direct` is the run without a gateway in the same round. NaN: there is none. */
export interface Column {
  title: string;
  value(run: Run, direct: Run | undefined): number;
  digits: number;
  /** Also as a ratio to the reference gateways. */
  ratio?: true;
  /** The generator or the engine may be what limits it. */
  bound?: true;
}

type Timing = 'latency_us' | 'ttft_us' | 'chunk_delay_us';
type Percentile = 'p50' | 'p99' | 'p999';

const percentile =
  (timing: Timing, p: Percentile, unit = 1) =>
  (run: Run | undefined) =>
    (run?.[timing]?.[p] ?? Number.NaN) / unit;

const added = (timing: Timing, p: Percentile, unit = 1) => {
  const of = percentile(timing, p, unit);
  return (run: Run, direct: Run | undefined) => of(run) - of(direct);
};

const positive = (value: number) => (value > 0 ? value : Number.NaN);
const perRequest = (run: Run) => positive((run.cpu_s.gateway / run.requests) * 1e6);
const perToken = (run: Run) => positive((run.cpu_s.gateway / run.tokens) * 1e6);
const perGigabyte = (run: Run) => positive(run.cpu_s.gateway / ((run.mb_out_s * run.secs) / 1e3));
const perStream = (run: Run) => positive(((run.rss_mb_peak - run.rss_mb_before) / (run.held ?? 0)) * 1024);
const idleCpu = (run: Run) => (run.processes > 0 ? (run.cpu_s.gateway / run.secs) * 100 : Number.NaN);
const freedAfter = ({ abandoned_ms = Number.NaN }: Run) => (abandoned_ms < 0 ? Number.POSITIVE_INFINITY : abandoned_ms);

export const columns: Record<Kind, Column[]> = {
  closed: [
    { title: 'req/s', value: (run) => positive(run.rps), digits: 0, ratio: true, bound: true },
    { title: 'CPU µs/req', value: perRequest, digits: 1, ratio: true },
    { title: 'p50 µs', value: percentile('latency_us', 'p50'), digits: 0 },
    { title: 'p99 µs', value: percentile('latency_us', 'p99'), digits: 0 },
  ],
  open: [
    { title: 'answered/s', value: (run) => run.rps, digits: 0 },
    { title: 'added p50 µs', value: added('latency_us', 'p50'), digits: 0 },
    { title: 'added p99 µs', value: added('latency_us', 'p99'), digits: 0 },
    { title: 'p50 µs', value: percentile('latency_us', 'p50'), digits: 0 },
    { title: 'p99 µs', value: percentile('latency_us', 'p99'), digits: 0 },
    { title: 'p99.9 µs', value: percentile('latency_us', 'p999'), digits: 0 },
    { title: 'CPU µs/req', value: perRequest, digits: 1, ratio: true },
    { title: 'unfinished', value: (run) => run.unfinished ?? Number.NaN, digits: 0 },
  ],
  stream: [
    { title: 'tokens/s', value: (run) => run.tokens_s, digits: 0, bound: true },
    { title: 'added TTFT p50 ms', value: added('ttft_us', 'p50', 1e3), digits: 2 },
    { title: 'added TTFT p99 ms', value: added('ttft_us', 'p99', 1e3), digits: 2 },
    { title: 'added chunk delay p50 µs', value: added('chunk_delay_us', 'p50'), digits: 0 },
    { title: 'added chunk delay p99 µs', value: added('chunk_delay_us', 'p99'), digits: 0 },
    { title: 'CPU µs/token', value: perToken, digits: 1, ratio: true },
  ],
  upload: [
    { title: 'MB/s', value: (run) => positive(run.mb_out_s), digits: 0, ratio: true, bound: true },
    { title: 'CPU s/GB', value: perGigabyte, digits: 2, ratio: true },
    { title: 'p50 ms', value: percentile('latency_us', 'p50', 1e3), digits: 1 },
  ],
  idle: [
    { title: 'held', value: (run) => run.held ?? Number.NaN, digits: 0 },
    { title: 'opened in s', value: (run) => run.opened_in_s ?? Number.NaN, digits: 1 },
    { title: 'KB/stream', value: perStream, digits: 1 },
    { title: 'idle CPU %', value: idleCpu, digits: 2 },
    { title: 'engine freed after ms', value: freedAfter, digits: 0 },
    { title: 'dropped', value: (run) => run.dropped ?? Number.NaN, digits: 0 },
  ],
};

/** The figures most asked for: scenario, title of its column, heading in the summary. */
export const highlights: readonly [scenario: string, title: string, heading: string][] = [
  ['json-c16', 'req/s', 'req/s, c=16'],
  ['json-c16', 'CPU µs/req', 'CPU µs/req'],
  ['open-1k', 'added p50 µs', 'added p50 µs at 1k/s'],
  ['open-1k', 'added p99 µs', 'added p99 µs'],
  ['stream-200x100@20ms', 'added TTFT p50 ms', 'added TTFT p50 ms, 200 streams'],
  ['stream-200x100@20ms', 'added TTFT p99 ms', 'added TTFT p99 ms'],
  ['stream-200x100@20ms', 'added chunk delay p99 µs', 'added chunk delay p99 µs'],
  ['stream-200x100@20ms', 'CPU µs/token', 'CPU µs/token'],
  ['prompt-400k', 'CPU µs/req', 'CPU µs per 400 KB prompt'],
];
