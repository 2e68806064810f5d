import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_CHARS = 32;
const CHECK_CHARS = 6;
/** Six base-62 digits hold every CRC32. */
const SHAPE = /^(eco_|ecoadmin_)([0-9A-Za-z]{32})([0-9A-Za-z]{6})$/;

/** `eco_` + 32 random base-62 characters + CRC32 of them, so that a typo is told without a look-up and scanners can find leaks. */
export function makeKey(prefix: 'eco_' | 'ecoadmin_' = 'eco_'): string {
  const random = randomBase62(RANDOM_CHARS);
  return `${prefix}${random}${check(random)}`;
}

export function isWellFormedKey(key: string): boolean {
  const [, , random, sum] = SHAPE.exec(key) ?? [];
  return random !== undefined && check(random) === sum;
}

function check(random: string): string {
  let rest = crc32(random);
  let text = '';
  for (let i = 0; i < CHECK_CHARS; i++) {
    text = ALPHABET[rest % 62] + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

/** Rejects bytes above 247, so that every character is equally likely. */
function randomBase62(length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length)) if (byte < 248 && text.length < length) text += ALPHABET[byte % 62];
  }
  return text;
}
