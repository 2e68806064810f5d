import { OPEN_BRACE, OPEN_BRACKET, QUOTE } from '../scan.ts';

const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const SPACE = 0x20;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
/** What is longer is no number and no usage. */
const TEXT_BYTES_MAX = 4096;
const MEMBERS_MAX = 256;

/**
 * Follows the top-level members of a JSON object through chunks of any size: keeps small values and counts the elements
 * of lists, wherever they stand among megabytes. Trusts that it is JSON; of what is not it tells nonsense or nothing.
 */
export class MemberScan {
  readonly #values = new Map<string, string>();
  readonly #lengths = new Map<string, number>();
  #depth = 0;
  #isInString = false;
  /** The string so far ends in an odd number of backslashes. */
  #isEscaped = false;
  #key: string | undefined;
  /** What the chunks before had of the key or value that is being read; undefined when that is too long. */
  #text: string | undefined = '';
  /** Where it goes on in this chunk. */
  #from = 0;
  /** An element may begin: within a list at the top, behind its bracket or a comma. */
  #isElementNext = false;

  add(chunk: Buffer): void {
    this.#from = 0;
    for (let at = 0; at < chunk.length; ) {
      if (this.#isInString) at = this.#skipString(chunk, at);
      else this.#take(chunk, at++);
    }
    this.#text = this.#textUntil(chunk, chunk.length);
  }

  /** The value of a member; undefined if it is absent, not whole yet, or too long to matter. */
  value(name: string): unknown {
    return parse(this.#values.get(name));
  }

  /** How many elements of a list have begun; undefined if there is no such list. */
  length(name: string): number | undefined {
    return this.#lengths.get(name);
  }

  #take(chunk: Buffer, at: number): void {
    const byte = chunk[at] as number;
    if (byte <= SPACE) return;
    if (this.#isElementNext && this.#depth === 2 && byte !== CLOSE_BRACKET) this.#beginElement();
    switch (byte) {
      case QUOTE:
        this.#isInString = true;
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        this.#open(byte, at);
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        if (--this.#depth === 0) this.#endMember(chunk, at);
        break;
      case COMMA:
        if (this.#depth === 1) this.#endMember(chunk, at);
        this.#isElementNext = this.#depth === 2;
        break;
      case COLON:
        if (this.#depth === 1) this.#endKey(chunk, at);
    }
  }

  #open(byte: number, at: number): void {
    this.#depth++;
    if (this.#depth === 1) this.#begin(at + 1);
    if (this.#depth !== 2) return;
    this.#isElementNext = byte === OPEN_BRACKET && this.#key !== undefined;
    if (this.#isElementNext && this.#lengths.size < MEMBERS_MAX) this.#lengths.set(this.#key ?? '', 0);
  }

  /** Behind the commas of an object too, which have no count. */
  #beginElement(): void {
    this.#isElementNext = false;
    const count = this.#lengths.get(this.#key ?? '');
    if (count !== undefined) this.#lengths.set(this.#key ?? '', count + 1);
  }

  #endKey(chunk: Buffer, at: number): void {
    const text = this.#textUntil(chunk, at);
    const key = parse(text);
    this.#key = typeof key === 'string' ? key : undefined;
    this.#begin(at + 1);
  }

  #endMember(chunk: Buffer, at: number): void {
    const text = this.#textUntil(chunk, at);
    if (text !== undefined && this.#key !== undefined && this.#values.size < MEMBERS_MAX)
      this.#values.set(this.#key, text);
    this.#key = undefined;
    this.#begin(at + 1);
  }

  #begin(at: number): void {
    this.#text = '';
    this.#from = at;
  }

  #textUntil(chunk: Buffer, end: number): string | undefined {
    if (this.#text === undefined || this.#text.length + end - this.#from > TEXT_BYTES_MAX) return undefined;
    return this.#text + chunk.toString('latin1', this.#from, end); // a character may be split between chunks
  }

  /** To behind the string's quote, from which megabytes of base64 may be far. */
  #skipString(chunk: Buffer, from: number): number {
    for (let at = from; ; ) {
      const quote = chunk.indexOf(QUOTE, at);
      const isEscaped = this.#isEscapedAt(chunk, at, quote < 0 ? chunk.length : quote);
      this.#isEscaped = quote < 0 && isEscaped;
      if (quote < 0) return chunk.length;
      at = quote + 1;
      if (isEscaped) continue;
      this.#isInString = false;
      return at;
    }
  }

  /** Whether an odd number of backslashes stands in front of `end`, those of the chunk before included. */
  #isEscapedAt(chunk: Buffer, from: number, end: number): boolean {
    let at = end;
    while (at > from && chunk[at - 1] === BACKSLASH) at--;
    const isOdd = (end - at) % 2 === 1;
    return at === from && this.#isEscaped ? !isOdd : isOdd;
  }
}

function parse(bytes: string | undefined): unknown {
  try {
    return bytes === undefined ? undefined : JSON.parse(Buffer.from(bytes, 'latin1').toString('utf8'));
  } catch {
    return undefined;
  }
}
