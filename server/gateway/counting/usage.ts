import type { Counts, TokenCounts } from '../../billing/price.ts';
import { Cursor, OPEN_BRACE } from '../scan.ts';

/** No honest request has more; a count above it is a fault of the engine and is not believed. */
export const TOKENS_MAX = 100_000_000;
/** How many bytes of a request or an answer stand for a token where nobody counted. */
const BYTES_PER_TOKEN = 4;

export type MeteredCounts = Counts & {
  /** The gateway counted, as the engine gave nothing that can be believed. */
  estimated: boolean;
};

export const NOTHING: MeteredCounts = {
  input_tokens: 0,
  cached_input_tokens: 0,
  output_tokens: 0,
  estimated: false,
};

export const estimateTokens = (byteCount: number): number => Math.ceil(byteCount / BYTES_PER_TOKEN);

/** OpenAI's `usage` object at `start`, as chat or as responses spell it, or undefined: zero is a value, absent or absurd is not. */
export function readUsage(bytes: Buffer, start: number): TokenCounts | undefined {
  if (bytes[start] !== OPEN_BRACE) return undefined;
  const usage = new Cursor(bytes, start);
  let input: number | undefined;
  let output: number | undefined;
  let cached: number | undefined;
  while (usage.next()) {
    const key = usage.key();
    if (key === 'prompt_tokens' || key === 'input_tokens') input = readTokens(bytes, usage);
    else if (key === 'completion_tokens' || key === 'output_tokens') output = readTokens(bytes, usage);
    else if (key === 'prompt_tokens_details' || key === 'input_tokens_details')
      cached = readCached(bytes, usage.valueStart);
  }
  if (input === undefined || output === undefined) return undefined;
  return { input_tokens: input, cached_input_tokens: Math.min(cached ?? 0, input), output_tokens: output };
}

/** The same of what makes no tokens: only the input counts, by whichever name it goes. */
export function readInputUsage(bytes: Buffer, start: number): TokenCounts | undefined {
  if (bytes[start] !== OPEN_BRACE) return undefined;
  const usage = new Cursor(bytes, start);
  let input: number | undefined;
  let total: number | undefined;
  while (usage.next()) {
    const key = usage.key();
    if (key === 'prompt_tokens' || key === 'input_tokens') input = readTokens(bytes, usage);
    else if (key === 'total_tokens') total = readTokens(bytes, usage);
  }
  const input_tokens = input ?? total;
  return input_tokens === undefined ? undefined : { input_tokens, cached_input_tokens: 0, output_tokens: 0 };
}

function readCached(bytes: Buffer, start: number): number | undefined {
  if (bytes[start] !== OPEN_BRACE) return undefined;
  const details = new Cursor(bytes, start);
  while (details.next()) if (details.key() === 'cached_tokens') return readTokens(bytes, details);
  return undefined;
}

const DIGITS_MAX = 24;

function readTokens(bytes: Buffer, { valueStart, valueEnd }: Cursor): number | undefined {
  const first = bytes[valueStart] ?? 0;
  if (first < 0x30 || first > 0x39) return undefined;
  const value = Number(bytes.toString('latin1', valueStart, Math.min(valueEnd, valueStart + DIGITS_MAX)));
  return Number.isSafeInteger(value) && value <= TOKENS_MAX ? value : undefined;
}

/** The same usage as a value that was parsed already; undefined where it tells no tokens. */
export function toUsage(value: unknown): TokenCounts | undefined {
  return value === undefined ? undefined : readUsage(Buffer.from(JSON.stringify(value)), 0);
}

/** A count of tokens that can be believed. */
export function toTokens(value: unknown): number | undefined {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= TOKENS_MAX
    ? (value as number)
    : undefined;
}
