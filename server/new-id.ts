import { randomFillSync } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'; // Crockford's base 32: no i, l, o, u
const TIME_CHARS = 10;
const RANDOM_CHARS = 16;
const pool = Buffer.alloc(RANDOM_CHARS * 256);
let used = pool.length;

/** A prefixed id that sorts by time of making, like `req_01jd…`: 48 bits of milliseconds, 80 of chance. */
export function newId(prefix: string, now = Date.now()): string {
  if (now !== latest.now) latest = { now, text: spellTime(now) };
  let id = `${prefix}_${latest.text}`;
  if (used + RANDOM_CHARS > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  for (let end = used + RANDOM_CHARS; used < end; used++) id += ALPHABET[(pool[used] ?? 0) & 31];
  return id;
}

/** Thousands are made within one millisecond. */
let latest = { now: -1, text: '' };

function spellTime(now: number): string {
  let text = '';
  for (let shift = TIME_CHARS - 1; shift >= 0; shift--) text += ALPHABET[Math.floor(now / 32 ** shift) % 32];
  return text;
}

/** When an id was made, in Unix milliseconds. */
export function timeOfId(id: string): number {
  const start = id.indexOf('_') + 1;
  let time = 0;
  for (const char of id.slice(start, start + TIME_CHARS)) time = time * 32 + ALPHABET.indexOf(char);
  return time;
}

const DAY_MS = 86_400_000;

/** UTC day of an id as `2026-11-21`: usage is partitioned by it. */
export function dayOfId(id: string): string {
  return new Date(Math.floor(timeOfId(id) / DAY_MS) * DAY_MS).toISOString().slice(0, 10);
}
