/**
 * Walks JSON by its bytes, as strict as `JSON.parse`, and makes no values. Every `skip…` takes the index where a thing
 * begins and gives the index behind it, or `BROKEN`: not JSON, or deeper than `DEPTH_MAX`.
 */
export const BROKEN = -1;
export const DEPTH_MAX = 500;

export const QUOTE = 0x22;
export const OPEN_BRACE = 0x7b;
export const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

export function skipValue(bytes: Buffer, at: number, depth = 0): number {
  switch (bytes[at]) {
    case QUOTE:
      return skipString(bytes, at);
    case OPEN_BRACE:
    case OPEN_BRACKET:
      return skipMembers(bytes, at, depth);
    case 0x74:
      return skipWord(bytes, at, 'true');
    case 0x66:
      return skipWord(bytes, at, 'false');
    case 0x6e:
      return skipWord(bytes, at, 'null');
    default:
      return skipNumber(bytes, at);
  }
}

export function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (isSpace(bytes[at])) at++;
  return at;
}

/** The members of an object or the elements of an array, in order: `while (cursor.next()) …`. */
export class Cursor {
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  /** After the last `next()`: the index behind the closing bracket, or `BROKEN`. */
  end = BROKEN;
  readonly #bytes: Buffer;
  readonly #isObject: boolean;
  #at: number;
  #first = true;

  /** `at` is the opening bracket, or, where `isObject` says so, whatever stands before the first member. */
  constructor(bytes: Buffer, at: number, { isObject = bytes[at] === OPEN_BRACE } = {}) {
    this.#bytes = bytes;
    this.#isObject = isObject;
    this.#at = at + 1;
  }

  next(): boolean {
    const bytes = this.#bytes;
    let at = skipSpace(bytes, this.#at);
    if (bytes[at] === (this.#isObject ? CLOSE_BRACE : CLOSE_BRACKET)) {
      this.end = at + 1;
      return false;
    }
    if (!this.#first) {
      if (bytes[at] !== COMMA) return false;
      at = skipSpace(bytes, at + 1);
    }
    this.#first = false;
    if (this.#isObject) {
      at = this.#key(at);
      if (at === BROKEN) return false;
    }
    this.valueStart = at;
    this.valueEnd = skipValue(bytes, at, 1);
    if (this.valueEnd === BROKEN) return false;
    this.#at = this.valueEnd;
    return true;
  }

  /** The key as it is meant, however it is spelled: `"mod\u0065l"` is `model`. */
  key(): string {
    const spelled = this.#bytes.toString('latin1', this.keyStart + 1, this.keyEnd - 1);
    return spelled.includes('\\') ? JSON.parse(`"${spelled}"`) : spelled;
  }

  /** The value as text; only for what is known to be short. */
  text(): string {
    return this.#bytes.toString('utf8', this.valueStart, this.valueEnd);
  }

  #key(start: number): number {
    const bytes = this.#bytes;
    if (bytes[start] !== QUOTE) return BROKEN;
    this.keyStart = start;
    this.keyEnd = skipString(bytes, start);
    if (this.keyEnd === BROKEN) return BROKEN;
    const colon = skipSpace(bytes, this.keyEnd);
    return bytes[colon] === COLON ? skipSpace(bytes, colon + 1) : BROKEN;
  }
}

function skipMembers(bytes: Buffer, start: number, depth: number): number {
  if (depth >= DEPTH_MAX) return BROKEN;
  const isObject = bytes[start] === OPEN_BRACE;
  const close = isObject ? CLOSE_BRACE : CLOSE_BRACKET;
  let at = skipSpace(bytes, start + 1);
  if (bytes[at] === close) return at + 1;
  for (;;) {
    if (isObject) {
      if (bytes[at] !== QUOTE) return BROKEN;
      at = skipString(bytes, at);
      if (at === BROKEN) return BROKEN;
      at = skipSpace(bytes, at);
      if (bytes[at] !== COLON) return BROKEN;
      at = skipSpace(bytes, at + 1);
    }
    at = skipValue(bytes, at, depth + 1);
    if (at === BROKEN) return BROKEN;
    at = skipSpace(bytes, at);
    if (bytes[at] === close) return at + 1;
    if (bytes[at] !== COMMA) return BROKEN;
    at = skipSpace(bytes, at + 1);
  }
}

export function skipString(bytes: Buffer, start: number): number {
  let at = start + 1;
  for (;;) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === undefined || byte < SPACE) return BROKEN;
    if (byte !== BACKSLASH) at++;
    else {
      at = skipEscape(bytes, at + 1);
      if (at === BROKEN) return BROKEN;
    }
  }
}

const ESCAPES = new Set(Buffer.from('"\\/bfnrt'));

function skipEscape(bytes: Buffer, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) return BROKEN;
  if (ESCAPES.has(byte)) return at + 1;
  return byte === 0x75 && /^[0-9a-f]{4}$/i.test(bytes.toString('latin1', at + 1, at + 5)) ? at + 5 : BROKEN;
}

function skipWord(bytes: Buffer, at: number, word: string): number {
  return bytes.toString('latin1', at, at + word.length) === word ? at + word.length : BROKEN;
}

const MINUS = 0x2d;
const ZERO = 0x30;
const POINT = 0x2e;

function skipNumber(bytes: Buffer, start: number): number {
  let at = bytes[start] === MINUS ? start + 1 : start;
  at = bytes[at] === ZERO ? at + 1 : skipDigits(bytes, at);
  if (at !== BROKEN && bytes[at] === POINT) at = skipDigits(bytes, at + 1);
  if (at === BROKEN || ((bytes[at] ?? 0) | 0x20) !== 0x65) return at;
  const signed = bytes[at + 1] === MINUS || bytes[at + 1] === 0x2b;
  return skipDigits(bytes, at + (signed ? 2 : 1));
}

function skipDigits(bytes: Buffer, start: number): number {
  let at = start;
  while (isDigit(bytes[at])) at++;
  return at === start ? BROKEN : at;
}

const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 0x30 && byte <= 0x39;
const isSpace = (byte: number | undefined) => byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09;
