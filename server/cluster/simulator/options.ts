import { parseArgs } from 'node:util';
import { parseDuration } from './duration.ts';
import { type Fault, parseFaults } from './faults.ts';
import { type PersonalityName, personalityNames } from './personalities/index.ts';

export interface SimulatorOptions {
  host: string;
  port: number;
  personality: PersonalityName;
  /** Undefined for the engine's own way. */
  bind: 'early' | 'late' | undefined;
  /** Whether it has metrics even where its engine must be told to. */
  metrics: boolean;
  mode: 'echo' | 'seeded';
  seed: number;
  loadMs: number;
  ttftMs: number;
  itlMs: number;
  ttftJitterMs: number;
  itlJitterMs: number;
  timeFactorUnderLoad: number;
  tokens: number | undefined;
  model: string | undefined;
  /** The name that it lists while it answers to any. */
  listedModel: string | undefined;
  maxRunning: number;
  /** Requests that may wait; undefined for any number. */
  maxQueue: number | undefined;
  /** Tokens it thinks before each answer of a chat. */
  reasoning: number;
  prefixCache: boolean;
  maxModelLen: number | undefined;
  dimensions: number;
  videoMs: number;
  tally: string | undefined;
  fail: Fault[];
  replica: string | undefined;
  region: string | undefined;
}

interface Row {
  /** What is to be said; empty for one that is there or not. */
  value: string;
  fallback: string;
  description: string;
}

/** Every option of the simulator: as a flag, and as `SIM_…` in the environment (`--max-running` is `SIM_MAX_RUNNING`). */
export const optionTable = {
  host: { value: 'address', fallback: '127.0.0.1', description: 'where to listen; also HOST' },
  port: { value: 'n', fallback: '8000', description: 'where to listen, 0 for any free port; also PORT' },
  personality: { value: 'engine', fallback: 'vllm', description: 'the engine it passes for' },
  bind: {
    value: 'early|late',
    fallback: '',
    description: 'listen from the start, or when it has loaded; without it as the engine does',
  },
  metrics: { value: '', fallback: '', description: 'has metrics even where its engine must be told to' },
  mode: { value: 'echo|seeded', fallback: 'echo', description: 'repeat the last user message, or invent words' },
  seed: { value: 'n', fallback: '1', description: 'the same seed and prompt give the same words and faults' },
  load: { value: 'duration', fallback: '0ms', description: 'how long it loads' },
  ttft: { value: 'duration', fallback: '20ms', description: 'time to the first token' },
  itl: { value: 'duration', fallback: '10ms', description: 'time between two tokens' },
  'ttft-jitter': { value: 'duration', fallback: '0ms', description: 'how far the first token strays, either way' },
  'itl-jitter': { value: 'duration', fallback: '0ms', description: 'how far each other token strays, either way' },
  'time-factor-under-load': {
    value: 'factor',
    fallback: '1',
    description: 'times as long for each token when --max-running requests run, less with fewer',
  },
  tokens: { value: 'n', fallback: '', description: 'length of each answer; without it the message, or 64 words' },
  model: {
    value: 'name',
    fallback: '',
    description: 'the one model it serves; without it any name, and it lists ECO_MODEL',
  },
  'max-running': { value: 'n', fallback: '256', description: 'requests at a time; the others wait' },
  'max-queue': {
    value: 'n',
    fallback: '',
    description: 'requests that may wait; one more gets the overload answer of the engine',
  },
  reasoning: { value: 'n', fallback: '0', description: 'tokens it thinks before each answer' },
  'prefix-cache': { value: 'on|off', fallback: 'on', description: 'remembers prompts in blocks of 16 tokens' },
  'max-model-len': { value: 'n', fallback: '', description: 'tokens of prompt and answer together' },
  dimensions: { value: 'n', fallback: '1024', description: 'length of a vector' },
  'video-time': { value: 'duration', fallback: '2s', description: 'how long a video takes' },
  tally: { value: 'path', fallback: '', description: 'file (or folder) that counts every token sent' },
  fail: { value: 'fault[:rate],…', fallback: '', description: 'what requests suffer, like "slow:3,cut:5:0.1"' },
  replica: { value: 'name', fallback: '', description: 'told in the header x-sim-replica; also ECO_REPLICA' },
  region: { value: 'name', fallback: '', description: 'told in the header x-sim-region; also ECO_REGION' },
} as const satisfies Record<string, Row>;

export type OptionName = keyof typeof optionTable;

/** Flags go before the environment, the environment before defaults. Throws a `RangeError` that names the option. */
export function parseOptions(args: readonly string[], env: NodeJS.ProcessEnv = {}): SimulatorOptions {
  const flags = parseFlags(args);
  const read = <T>(name: OptionName, parse: (text: string) => T): T => {
    const text = flags[name] ?? fromEnvironment(name, env) ?? optionTable[name].fallback;
    try {
      return parse(text);
    } catch (error) {
      throw new RangeError(`--${name}: ${error instanceof Error ? error.message : error}`);
    }
  };
  return {
    host: read('host', String),
    port: read('port', integer(0, 65_535)),
    personality: read('personality', oneOf(...personalityNames)),
    bind: read('bind', optional(oneOf('early', 'late'))),
    metrics: read('metrics', (text) => !['', '0', 'off', 'false'].includes(text)),
    mode: read('mode', oneOf('echo', 'seeded')),
    seed: read('seed', integer(0, 2 ** 32 - 1)),
    loadMs: read('load', parseDuration),
    ttftMs: read('ttft', parseDuration),
    itlMs: read('itl', parseDuration),
    ttftJitterMs: read('ttft-jitter', parseDuration),
    itlJitterMs: read('itl-jitter', parseDuration),
    timeFactorUnderLoad: read('time-factor-under-load', factor),
    tokens: read('tokens', optional(integer(0, TOKENS_MAX))),
    model: read('model', optional(String)),
    listedModel: env.ECO_MODEL,
    maxRunning: read('max-running', integer(1, 100_000)),
    maxQueue: read('max-queue', optional(integer(0, 100_000))),
    reasoning: read('reasoning', integer(0, TOKENS_MAX)),
    prefixCache: read('prefix-cache', oneOf('on', 'off')) === 'on',
    maxModelLen: read('max-model-len', optional(integer(1, Number.MAX_SAFE_INTEGER))),
    dimensions: read('dimensions', integer(1, DIMENSIONS_MAX)),
    videoMs: read('video-time', parseDuration),
    tally: read('tally', optional(String)),
    fail: read('fail', optional(parseFaults)) ?? [],
    replica: read('replica', optional(String)),
    region: read('region', optional(String)),
  };
}

/** No answer is longer. */
export const TOKENS_MAX = 131_072;
/** No vector either. */
export const DIMENSIONS_MAX = 8_192;

function parseFlags(args: readonly string[]): Partial<Record<OptionName, string>> {
  const options = Object.fromEntries(
    Object.entries(optionTable).map(([name, { value }]) => [
      name,
      { type: value === '' ? 'boolean' : 'string' } as const,
    ]),
  );
  try {
    const { values } = parseArgs({ args: [...args], options, allowPositionals: false });
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, value === true ? 'on' : String(value)]),
    );
  } catch (error) {
    throw new RangeError(error instanceof Error ? error.message : String(error));
  }
}

/** Also under a name that whoever starts it sets for any engine. */
const SHARED: Partial<Record<OptionName, string>> = {
  port: 'PORT',
  host: 'HOST',
  replica: 'ECO_REPLICA',
  region: 'ECO_REGION',
};

function fromEnvironment(name: OptionName, env: NodeJS.ProcessEnv): string | undefined {
  const shared = SHARED[name];
  return env[`SIM_${name.toUpperCase().replaceAll('-', '_')}`] ?? (shared === undefined ? undefined : env[shared]);
}

const optional =
  <T>(parse: (text: string) => T) =>
  (text: string): T | undefined =>
    text === '' ? undefined : parse(text);

const oneOf =
  <T extends string>(...values: T[]) =>
  (text: string): T => {
    const found = values.find((value) => value === text);
    if (found === undefined) throw new RangeError(`must be ${values.join(' or ')}, not "${text}"`);
    return found;
  };

const integer =
  (min: number, max: number) =>
  (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new RangeError(`must be a whole number from ${min} to ${max}`);
    return value;
  };

function factor(text: string): number {
  const value = Number(text);
  if (!(value >= 1 && value <= 1_000)) throw new RangeError('must be a number from 1 to 1000');
  return value;
}
