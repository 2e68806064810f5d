import type { TokenCounts } from '../billing/price.ts';
import { Cursor, OPEN_BRACE, skipSpace } from './scan.ts';

/** No honest request has more; a count above it is a fault of the engine and is not believed. */
export const TOKENS_MAX = 100_000_000;
/** How many bytes of a request or an answer stand for a token where nobody counted. */
const BYTES_PER_TOKEN = 4;

export interface MeteredCounts extends TokenCounts {
  /** The gateway counted, as the engine gave nothing that can be believed. */
  estimated: boolean;
}

export const NOTHING: MeteredCounts = {
  input_tokens: 0,
  cached_input_tokens: 0,
  output_tokens: 0,
  estimated: false,
};

export const estimateTokens = (byteCount: number): number => Math.ceil(byteCount / BYTES_PER_TOKEN);

/** OpenAI's `usage` object at `start`, or undefined: zero is a value, absent or absurd is not. */
export function readUsage(bytes: Buffer, start: number): TokenCounts | undefined {
  if (bytes[start] !== OPEN_BRACE) return undefined;
  const usage = new Cursor(bytes, start);
  let input: number | undefined;
  let output: number | undefined;
  let cached: number | undefined;
  while (usage.next()) {
    const key = usage.key();
    if (key === 'prompt_tokens') input = readTokens(bytes, usage);
    else if (key === 'completion_tokens') output = readTokens(bytes, usage);
    else if (key === 'prompt_tokens_details') cached = readCached(bytes, usage.valueStart);
  }
  if (input === undefined || output === undefined) return undefined;
  return { input_tokens: input, cached_input_tokens: Math.min(cached ?? 0, input), output_tokens: output };
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

const USAGE_KEY = Buffer.from('"usage"');
/** Each may be read to the end of the answer. */
const CANDIDATES_MAX = 32;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const CLOSE_BRACE = 0x7d;

/**
 * The top-level `usage` of a JSON answer, from its last bytes alone. A candidate is at the top if what follows it
 * closes one brace and then the answer ends.
 */
export function findUsageInTail(tail: Buffer): TokenCounts | undefined {
  let at = tail.lastIndexOf(USAGE_KEY);
  for (let tries = 0; at >= 0 && tries < CANDIDATES_MAX; tries++) {
    const colon = skipSpace(tail, at + USAGE_KEY.length);
    if (tail[colon] === COLON && tail[at - 1] !== BACKSLASH && endsTheObject(tail, at))
      return readUsage(tail, skipSpace(tail, colon + 1));
    at = at === 0 ? -1 : tail.lastIndexOf(USAGE_KEY, at - 1);
  }
  return undefined;
}

/** Whether the members from the key at `at` on are the last ones of an object that ends the bytes. */
function endsTheObject(tail: Buffer, at: number): boolean {
  const rest = new Cursor(tail, at - 1, { isObject: true });
  while (rest.next());
  return tail[rest.end - 1] === CLOSE_BRACE && skipSpace(tail, rest.end) === tail.length;
}

/** Adds up what the events of a stream say about usage, and counts for itself in case they say nothing. */
export class StreamMeter {
  readonly #promptBytes: number;
  #contentEvents = 0;
  /** Of them, those since the engine last said how many tokens there were. */
  #uncounted = 0;
  #input: TokenCounts | undefined;
  #total: TokenCounts | undefined;
  /** Most output tokens seen, by `choices[].index`. */
  #byChoice: number[] = [];

  constructor(promptBytes: number) {
    this.#promptBytes = promptBytes;
  }

  note(event: { usage: TokenCounts | undefined; choice: number | undefined; hasContent: boolean }): void {
    if (event.hasContent) this.#contentEvents++;
    if (event.hasContent) this.#uncounted++;
    if (!event.usage) return;
    this.#uncounted = 0;
    const { output_tokens } = event.usage;
    if (event.choice === undefined) this.#total = event.usage;
    else {
      this.#input = event.usage;
      this.#byChoice[event.choice] = Math.max(this.#byChoice[event.choice] ?? 0, output_tokens);
      if (this.#total && output_tokens > this.#total.output_tokens) this.#total = undefined; // it was not the final one
    }
  }

  /** What has been used so far. A final total goes before the sum of what the choices had reached. */
  counts(): MeteredCounts {
    const told = this.#total ?? this.#sum();
    if (!told) return this.#contentEvents === 0 ? NOTHING : this.#estimate();
    return { ...told, output_tokens: told.output_tokens + this.#uncounted, estimated: this.#uncounted > 0 };
  }

  #sum(): TokenCounts | undefined {
    if (!this.#input) return undefined;
    return { ...this.#input, output_tokens: this.#byChoice.reduce((sum, tokens) => sum + tokens, 0) }; // skips choices not seen yet
  }

  #estimate(): MeteredCounts {
    const input_tokens = estimateTokens(this.#promptBytes);
    return { input_tokens, cached_input_tokens: 0, output_tokens: this.#contentEvents, estimated: true };
  }
}
