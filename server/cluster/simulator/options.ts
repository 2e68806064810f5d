import { parseArgs } from 'node:util';
import { parseDuration } from './duration.ts';
import { type Fault, parseFault } from './faults.ts';

export interface SimulatorOptions {
  host: string;
  port: number;
  mode: 'echo' | 'seeded';
  seed: number;
  loadMs: number;
  ttftMs: number;
  itlMs: number;
  tokens: number | undefined;
  model: string | undefined;
  maxRunning: number;
  tally: string | undefined;
  fail: Fault | undefined;
}

interface Row {
  value: string;
  fallback: string;
  description: string;
}

/** Every option of the simulator: as a flag, and as `SIM_…` in the environment (`--max-running` is `SIM_MAX_RUNNING`). */
export const optionTable = {
  host: { value: 'address', fallback: '127.0.0.1', description: 'where to listen; also HOST' },
  port: { value: 'n', fallback: '8000', description: 'where to listen, 0 for any free port; also PORT' },
  mode: { value: 'echo|seeded', fallback: 'echo', description: 'repeat the last user message, or invent words' },
  seed: { value: 'n', fallback: '1', description: 'the same seed and prompt give the same words and faults' },
  load: { value: 'duration', fallback: '0ms', description: 'how long it loads; /health answers 503 until then' },
  ttft: { value: 'duration', fallback: '20ms', description: 'time to the first token' },
  itl: { value: 'duration', fallback: '10ms', description: 'time between two tokens' },
  tokens: { value: 'n', fallback: '', description: 'length of each answer; without it the message, or 64 words' },
  model: { value: 'name', fallback: '', description: 'the one model it serves; without it any name' },
  'max-running': { value: 'n', fallback: '256', description: 'requests at a time; the others wait' },
  tally: { value: 'path', fallback: '', description: 'file (or folder) that counts every token sent' },
  fail: { value: 'fault[:rate]', fallback: '', description: 'what requests suffer, like "cut:5:0.1"' },
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
    mode: read('mode', oneOf('echo', 'seeded')),
    seed: read('seed', integer(0, 2 ** 32 - 1)),
    loadMs: read('load', parseDuration),
    ttftMs: read('ttft', parseDuration),
    itlMs: read('itl', parseDuration),
    tokens: read('tokens', optional(integer(0, TOKENS_MAX))),
    model: read('model', optional(String)),
    maxRunning: read('max-running', integer(1, 100_000)),
    tally: read('tally', optional(String)),
    fail: read('fail', optional(parseFault)),
  };
}

/** No answer is longer. */
export const TOKENS_MAX = 131_072;

function parseFlags(args: readonly string[]): Partial<Record<OptionName, string>> {
  const options = Object.fromEntries(Object.keys(optionTable).map((name) => [name, { type: 'string' as const }]));
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false }).values;
  } catch (error) {
    throw new RangeError(error instanceof Error ? error.message : String(error));
  }
}

function fromEnvironment(name: OptionName, env: NodeJS.ProcessEnv): string | undefined {
  const own = env[`SIM_${name.toUpperCase().replaceAll('-', '_')}`];
  if (name === 'port' || name === 'host') return own ?? env[name.toUpperCase()];
  return own;
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
