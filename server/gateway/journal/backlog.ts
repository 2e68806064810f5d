import { closeSync, openSync, readSync } from 'node:fs';
import type { UsageRecord } from '../../billing/settle.ts';
import { decodeEntry } from './format.ts';
import type { JournalSegments, Position } from './segments.ts';

export interface Ended {
  record: UsageRecord;
  segment: number;
  /** Was in a batch that the database refused: goes alone from now on, so that one bad record holds up no other. */
  isSuspect?: boolean;
}

const IN_MEMORY_MAX = 20_000;
const READ_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

/** Ended requests that the database does not have yet, oldest first: some in memory, the rest only in the segments. */
export class JournalBacklog {
  readonly #segments: JournalSegments;
  readonly #inMemoryMax: number;
  #queue: Ended[] = [];
  /** From here on the segments must be read; undefined while memory has it all. */
  #unread: Position | undefined;

  constructor(segments: JournalSegments, inMemoryMax = IN_MEMORY_MAX) {
    this.#segments = segments;
    this.#inMemoryMax = inMemoryMax;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0 && !this.#unread;
  }

  /** Whether the next one would have to be read back from the disk. */
  get isFull(): boolean {
    return this.#unread !== undefined || this.#queue.length >= this.#inMemoryMax;
  }

  /** Whether a whole batch waits, or one that goes alone. */
  hasBatch(count: number): boolean {
    return this.#queue.length >= count || this.#queue[0]?.isSuspect === true || this.#unread !== undefined;
  }

  /** Takes what stands on the disk from `position` on, or, without one, nowhere: that stays in memory in any case. */
  push(records: readonly UsageRecord[], position: Position | undefined): void {
    const segment = position?.segment ?? 0;
    for (const _record of records) if (position) this.#segments.hold(segment);
    if (position && this.isFull) this.#unread ??= position;
    else for (const record of records) this.#queue.push({ record, segment });
  }

  /** For a batch that was refused: to the end of the line. */
  giveBack(batch: readonly Ended[]): void {
    for (const ended of batch) this.#queue.push({ ...ended, isSuspect: true });
  }

  take(count: number): Ended[] {
    while (this.#queue.length === 0 && this.#unread) this.#unread = this.#read(this.#unread);
    const suspect = this.#queue.slice(0, count).findIndex(({ isSuspect }) => isSuspect);
    return this.#queue.splice(0, suspect === -1 ? count : Math.max(1, suspect));
  }

  /** Reads the next stretch of a segment and gives where the one after it begins. */
  #read({ segment, offset }: Position): Position | undefined {
    const { lines, length, isLast } = readLines(this.#segments.path(segment), offset);
    for (const line of lines) {
      const entry = decodeEntry(line);
      if (entry?.type === 'end') this.#queue.push({ record: entry.record, segment });
    }
    const end = this.#segments.position;
    if (segment === end.segment && offset + length >= end.offset) return undefined;
    return isLast ? { segment: segment + 1, offset: 0 } : { segment, offset: offset + length };
  }
}

/** The whole lines from `offset` on, as many as one read brings. */
function readLines(path: string, offset: number): { lines: string[]; length: number; isLast: boolean } {
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.allocUnsafe(READ_BYTES);
    const read = readSync(fd, bytes, 0, READ_BYTES, offset);
    const length = bytes.subarray(0, read).lastIndexOf(NEWLINE) + 1;
    const text = bytes.toString('utf8', 0, Math.max(0, length - 1));
    return { lines: text === '' ? [] : text.split('\n'), length, isLast: length === 0 || read < READ_BYTES };
  } finally {
    closeSync(fd);
  }
}
