import { setImmediate as nextTurn } from 'node:timers/promises';
import type { UsageRecord } from '../../billing/settle.ts';
import type { Log } from '../../log.ts';
import { JournalBacklog } from './backlog.ts';
import type { Begin, JournalEntry, Progress } from './format.ts';
import { disown } from './owner.ts';
import { JournalSegments, type Position } from './segments.ts';

export interface JournalOptions {
  directory: string;
  serverId: string;
  fsync: 'never' | 'second' | 'always';
  /** Brings records into the database, exactly once however often it is asked. */
  settle(records: readonly UsageRecord[]): Promise<void>;
  /** Called with what the database has from now on. */
  onSettled(record: UsageRecord): void;
  log: Log;
  segmentBytesMax?: number;
  inMemoryMax?: number;
}

const SETTLE_EVERY_MS = 200;
const SYNC_EVERY_MS = 1_000;
const BATCH_ROWS_MAX = 100;
const BACK_OFF_MAX_MS = 10_000;
const CLOSE_TIMEOUT_MS = 5_000;

/**
 * The usage of this process on disk, before an answer completes and until the database has it. What a killed process
 * leaves is replayed by the next one (`replay.ts`).
 */
export class Journal implements AsyncDisposable {
  readonly #options: JournalOptions;
  readonly #segments: JournalSegments;
  readonly #backlog: JournalBacklog;
  readonly #begunIn = new Map<string, number>();
  readonly #timers: NodeJS.Timeout[];
  /** Ended in this turn of the event loop. */
  #ended: Ending[] = [];
  #waiting: Ending[] = [];
  #isSyncing = false;
  #settling: Promise<void> | undefined;
  #backOffMs = 0;
  #retryAt = 0;
  #isBroken = false;

  constructor(options: JournalOptions) {
    const { directory, serverId, segmentBytesMax, inMemoryMax } = options;
    this.#options = options;
    this.#segments = new JournalSegments(directory, serverId, segmentBytesMax);
    this.#backlog = new JournalBacklog(this.#segments, inMemoryMax);
    this.#timers = [setInterval(() => void this.#settleDue(), SETTLE_EVERY_MS).unref()];
    if (options.fsync === 'second') this.#timers.push(setInterval(() => void this.#sync(), SYNC_EVERY_MS).unref());
  }

  /** False when the disk refuses and memory is full: what is served now could be lost. */
  get canAdmit(): boolean {
    return !(this.#isBroken && this.#backlog.isFull);
  }

  begin(begin: Omit<Begin, 'type'>): void {
    const position = this.#append([{ type: 'begin', ...begin }]);
    if (!position) return;
    this.#begunIn.set(begin.record.id, position.segment);
    this.#segments.hold(position.segment);
  }

  /** All streams in one write. */
  progress(entries: readonly Omit<Progress, 'type'>[]): void {
    if (entries.length > 0) this.#append(entries.map((entry) => ({ type: 'progress', ...entry })));
  }

  /**
   * Writes the record and calls `then` when it is as safe as the configuration asks. All that ends in one turn of the
   * event loop goes in one write.
   */
  end(record: UsageRecord, then: () => void): void {
    if (this.#ended.length === 0) setImmediate(() => this.#writeEnded());
    this.#ended.push({ record, then });
    if (this.#ended.length >= BATCH_ROWS_MAX) this.#writeEnded();
  }

  /** Settles all that has ended. Rejects when the database refuses. */
  async flush(): Promise<void> {
    this.#writeEnded();
    await this.#settling?.catch(() => {});
    await this.#settleAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    const error = await within(CLOSE_TIMEOUT_MS, this.flush());
    if (error) this.#options.log.warn({ err: error }, 'usage stays in the journal until the next start');
    this.#segments.close();
    disown(this.#options.serverId);
  }

  #writeEnded() {
    const ended = this.#ended;
    if (ended.length === 0) return;
    this.#ended = [];
    const records = ended.map(({ record }) => record);
    const position = this.#append(records.map((record) => ({ type: 'end', record })));
    this.#backlog.push(records, position);
    for (const { id } of records) this.#forgetBegin(id);
    if (this.#backlog.hasBatch(BATCH_ROWS_MAX)) void this.#settleDue();
    if (this.#options.fsync !== 'always' || !position) return answer(ended);
    this.#waiting.push(...ended);
    void this.#syncGroup();
  }

  #forgetBegin(id: string): void {
    const segment = this.#begunIn.get(id);
    if (segment === undefined) return;
    this.#begunIn.delete(id);
    this.#segments.release(segment);
  }

  #append(entries: readonly JournalEntry[]): Position | undefined {
    try {
      const position = this.#segments.append(entries);
      this.#isBroken = false;
      return position;
    } catch (err) {
      if (!this.#isBroken) this.#options.log.error({ err }, 'the journal cannot be written: usage is kept in memory');
      this.#isBroken = true;
      return undefined;
    }
  }

  async #sync(): Promise<void> {
    try {
      await this.#segments.sync();
    } catch (err) {
      this.#options.log.error({ err }, 'the journal cannot be synced');
    }
  }

  /** One fdatasync for all that came while the last one ran. */
  async #syncGroup(): Promise<void> {
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      await this.#sync();
      answer(group);
    }
    this.#isSyncing = false;
  }

  async #settleDue(): Promise<void> {
    if (this.#settling || this.#backlog.isEmpty || Date.now() < this.#retryAt) return;
    this.#settling = this.#settleDueBatches();
    try {
      await this.#settling;
    } catch (err) {
      this.#backOffMs = Math.min(this.#backOffMs === 0 ? SETTLE_EVERY_MS : this.#backOffMs * 2, BACK_OFF_MAX_MS);
      this.#retryAt = Date.now() + this.#backOffMs;
      this.#options.log.warn({ err, retry_ms: this.#backOffMs }, 'usage cannot be settled yet');
    } finally {
      this.#settling = undefined;
    }
  }

  async #settleAll(): Promise<void> {
    while (!this.#backlog.isEmpty) await this.#settleBatch();
  }

  /** What is less than a batch waits for the tick; between two batches requests come first. */
  async #settleDueBatches(): Promise<void> {
    do {
      await this.#settleBatch();
      await nextTurn();
    } while (this.#backlog.hasBatch(BATCH_ROWS_MAX));
  }

  async #settleBatch(): Promise<void> {
    const batch = this.#backlog.take(BATCH_ROWS_MAX);
    try {
      await this.#options.settle(batch.map(({ record }) => record));
    } catch (error) {
      this.#backlog.giveBack(batch);
      throw error;
    }
    this.#backOffMs = 0;
    for (const { record, segment } of batch) {
      this.#segments.release(segment);
      this.#options.onSettled(record);
    }
  }
}

interface Ending {
  record: UsageRecord;
  then: () => void;
}

function answer(ended: readonly Ending[]): void {
  for (const { then } of ended) then();
}

async function within(timeoutMs: number, work: Promise<void>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Error>((resolve) => {
    timer = setTimeout(() => resolve(new Error('the database did not answer in time')), timeoutMs);
  });
  try {
    return await Promise.race([work.catch((error: unknown) => error), late]);
  } finally {
    clearTimeout(timer);
  }
}
