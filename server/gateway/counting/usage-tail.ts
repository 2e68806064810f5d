import type { TokenCounts } from '../../billing/price.ts';
import { Cursor, skipSpace } from '../scan.ts';
import type { WholeTally } from '../services/service.ts';
import { estimateTokens, type MeteredCounts, readUsage } from './usage.ts';

export type UsageReader = (bytes: Buffer, start: number) => TokenCounts | undefined;

const TAIL_BYTES = 64 * 1024;

/** Counts the tokens of an answer by the usage in its last bytes, which are all it keeps. */
export class UsageTail implements WholeTally {
  readonly #promptBytes: number;
  readonly #read: UsageReader;
  readonly #estimateOutput: (bytes: number) => number;
  readonly #chunks: Buffer[] = [];
  #kept = 0;
  #bytes = 0;

  constructor(promptBytes: number, read: UsageReader, estimateOutput: (bytes: number) => number) {
    this.#promptBytes = promptBytes;
    this.#read = read;
    this.#estimateOutput = estimateOutput;
  }

  note(chunk: Buffer): void {
    this.#bytes += chunk.length;
    this.#chunks.push(chunk);
    this.#kept += chunk.length;
    while (this.#kept - (this.#chunks[0]?.length ?? 0) >= TAIL_BYTES) this.#kept -= this.#chunks.shift()?.length ?? 0;
  }

  end(): void {}

  counts(): MeteredCounts {
    const [first] = this.#chunks;
    const usage = findUsageInTail(this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks), this.#read);
    if (usage) return { ...usage, estimated: false };
    const input_tokens = estimateTokens(this.#promptBytes);
    const output_tokens = this.#estimateOutput(this.#bytes);
    return { input_tokens, cached_input_tokens: 0, output_tokens, estimated: true };
  }
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
export function findUsageInTail(tail: Buffer, read: UsageReader = readUsage): TokenCounts | undefined {
  let at = tail.lastIndexOf(USAGE_KEY);
  for (let tries = 0; at >= 0 && tries < CANDIDATES_MAX; tries++) {
    const colon = skipSpace(tail, at + USAGE_KEY.length);
    if (tail[colon] === COLON && tail[at - 1] !== BACKSLASH && endsTheObject(tail, at))
      return read(tail, skipSpace(tail, colon + 1));
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
