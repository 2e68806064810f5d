import { existsSync, readFileSync } from 'node:fs';

export const kinds = ['closed', 'open', 'stream', 'upload', 'idle'] as const;
export type Kind = (typeof kinds)[number];

/** What is asked of every gateway, and how. Its name says it all: `stream-200x100@20ms`. */
export interface Scenario {
  name: string;
  kind: Kind;
  connections: number;
  /** What the engine shall answer; see the head of upstream.c. */
  plan: string;
  prompt_bytes?: number;
  upload_bytes?: number;
  requests_per_second?: number;
  tokens?: number;
  /** The first requests are spread over this time. */
  spread_seconds?: number;
  warm_seconds?: number;
  /** The window must be at least so long. */
  window_seconds?: number;
  /** Streams that were asked for, where fewer can be held. */
  wanted?: number;
  /** Measured in the last so many rounds only. */
  rounds?: number;
}

export const SCENARIOS =
  'json-c1,json-c16,json-c64,json-c256,open-1k,open-5k,body-10k,body-100k,body-1m,prompt-400k,stream-200x100@20ms,stream-full,upload-10m,idle-10k';

type Described = Omit<Scenario, 'name'>;

const LARGE_BYTES = 1e6;
const patterns: [RegExp, (...parts: string[]) => Described][] = [
  [/^json-c(\d+)$/, (n) => ({ kind: 'closed', connections: Number(n), plan: 'sim' })],
  [
    /^body-(\d+[bkm])$/,
    (size) => ({ kind: 'closed', connections: bytes(size) >= LARGE_BYTES ? 8 : 16, plan: `sim-${size}` }),
  ],
  [/^prompt-(\d+[bkm])$/, (size) => ({ kind: 'closed', connections: 16, plan: 'sim', prompt_bytes: bytes(size) })],
  [
    /^open-(\d+(?:\.\d+)?k?)$/,
    (rate) => ({ kind: 'open', connections: 100, plan: 'sim', requests_per_second: count(rate) }),
  ],
  [/^stream-full$/, () => stream('64', '200', '0ms')],
  [/^stream-(\d+)x(\d+)@(\d+[mu]s)$/, stream],
  [/^upload-(\d+[bkm])$/, (size) => ({ kind: 'upload', connections: 4, plan: 'sim', upload_bytes: bytes(size) })],
  [/^idle-(\d+(?:\.\d+)?k?)$/, (wanted) => idle(count(wanted))],
];

export function parseScenario(name: string): Scenario {
  for (const [pattern, describe] of patterns) {
    const match = pattern.exec(name);
    if (match) return { name, ...describe(...match.slice(1)) };
  }
  throw new Error(`No such scenario: ${name}. Known: ${SCENARIOS}, and others with other numbers.`);
}

const UNITS: Record<string, number> = { b: 1, k: 1e3, m: 1e6 };
const bytes = (text = '') => Number.parseFloat(text) * (UNITS[text.slice(-1)] ?? 1);
const count = (text = '') => Number.parseFloat(text) * (text.endsWith('k') ? 1000 : 1);

function stream(connections = '', tokens = '', gap = ''): Described {
  const seconds = (Number(tokens) * Number.parseInt(gap, 10)) / (gap.endsWith('us') ? 1e6 : 1e3);
  return {
    kind: 'stream',
    connections: Number(connections),
    tokens: Number(tokens),
    plan: `sim-${tokens}t-${gap}`,
    spread_seconds: seconds,
    warm_seconds: seconds + 1,
    window_seconds: seconds,
  };
}

const IDLE_OPENED_PER_SECOND = 1000;
const IDLE_WARM_SECONDS = 60;

function idle(wanted: number): Described {
  const connections = Math.min(wanted, mostStreams());
  return {
    kind: 'idle',
    connections,
    wanted,
    plan: 'sim-2t-600000ms',
    spread_seconds: connections / IDLE_OPENED_PER_SECOND,
    warm_seconds: IDLE_WARM_SECONDS,
    rounds: 1,
  };
}

const SPARE_DESCRIPTORS = 2000;
const LIMITS = '/proc/self/limits';

/** A gateway needs two descriptors a stream, so a process holds half its limit, less what other scenarios left open. */
function mostStreams(): number {
  const text = existsSync(LIMITS) ? readFileSync(LIMITS, 'utf8') : '';
  const limit = Number(/^Max open files\s+\d+\s+(\d+)/m.exec(text)?.[1] ?? Number.POSITIVE_INFINITY);
  return Math.floor((limit - SPARE_DESCRIPTORS) / 2);
}
