import { closeSync, fdatasync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { encodeEntry, type JournalEntry } from './format.ts';
import { openEntry } from './owner.ts';

const datasync = promisify(fdatasync);
export const SEGMENT_BYTES_MAX = 8 * 1024 * 1024;

export interface Position {
  segment: number;
  /** Of the first byte of the entry. */
  offset: number;
}

export const segmentPath = (directory: string, serverId: string, segment: number) =>
  join(directory, `${serverId}-${segment}.journal`);

/**
 * The files of one process, `<server id>-<n>.journal`, written in order. A file is removed when nobody holds it or one
 * before it any more.
 */
export class JournalSegments {
  readonly #directory: string;
  readonly #serverId: string;
  readonly #bytesMax: number;
  readonly #holds = new Map<number, number>();
  #current = 0;
  #oldest = 1;
  #fd = -1;
  #size = 0;
  #isDirty = false;
  /** The end of a queue: descriptors are synced and closed in turn, so that none is closed under its sync. */
  #synced: Promise<void> = Promise.resolve();
  /** To be told by the next sync, also of a full segment. */
  #syncError: unknown;
  /** A write failed half-way: the next line must not be glued to the rest of it. */
  #isTorn = false;

  constructor(directory: string, serverId: string, bytesMax = SEGMENT_BYTES_MAX) {
    this.#directory = directory;
    this.#serverId = serverId;
    this.#bytesMax = bytesMax;
    mkdirSync(directory, { recursive: true });
    this.#rotate();
  }

  get position(): Position {
    return { segment: this.#current, offset: this.#size };
  }

  /** Writes the entries at once, in the page cache when it returns, and says where the first of them begins. */
  append(entries: readonly JournalEntry[]): Position {
    const bytes = Buffer.from((this.#isTorn ? '\n' : '') + entries.map(encodeEntry).join(''));
    if (this.#size + bytes.length > this.#bytesMax) this.#rotate();
    const { position } = this;
    this.#isDirty = true;
    this.#isTorn = true;
    for (let written = 0; written < bytes.length; ) written += this.#write(bytes, written);
    this.#isTorn = false;
    return position;
  }

  path(segment: number): string {
    return segmentPath(this.#directory, this.#serverId, segment);
  }

  hold(segment: number): void {
    this.#holds.set(segment, (this.#holds.get(segment) ?? 0) + 1);
  }

  release(segment: number): void {
    const left = (this.#holds.get(segment) ?? 0) - 1;
    if (left > 0) this.#holds.set(segment, left);
    else this.#holds.delete(segment);
    while (this.#oldest < this.#current && !this.#holds.has(this.#oldest)) this.#remove(this.#oldest);
  }

  /** Brings what was written onto the disk itself. Rejects when the disk refuses. */
  async sync(): Promise<void> {
    const fd = this.#fd;
    if (this.#isDirty) this.#queue(() => datasync(fd));
    this.#isDirty = false;
    await this.#synced;
    const error = this.#syncError;
    this.#syncError = undefined;
    if (error) throw error;
  }

  /** Closes, and leaves on the disk only what somebody still holds. */
  close(): void {
    const fd = this.#fd;
    this.#queue(() => closeSync(fd));
    this.#fd = -1;
    if (this.#holds.size === 0) while (this.#oldest <= this.#current) this.#remove(this.#oldest);
  }

  #write(bytes: Buffer, from: number): number {
    const written = writeSync(this.#fd, bytes, from);
    this.#size += written;
    return written;
  }

  #rotate(): void {
    const before = this.#fd;
    this.#fd = openSync(this.path(this.#current + 1), 'ax', 0o600);
    this.#current++;
    this.#size = 0;
    if (before >= 0) {
      this.#queue(() => datasync(before));
      this.#queue(() => closeSync(before));
    }
    this.#write(Buffer.from(encodeEntry(openEntry(this.#serverId))), 0);
  }

  #queue(work: () => Promise<void> | void): void {
    this.#synced = this.#synced.then(work).catch((error: unknown) => {
      this.#syncError = error;
    });
  }

  #remove(segment: number): void {
    rmSync(this.path(segment), { force: true });
    this.#oldest = segment + 1;
  }
}
