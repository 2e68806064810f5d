import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { priceUsage } from '../../billing/price.ts';
import type { UsageRecord } from '../../billing/settle.ts';
import type { Log } from '../../log.ts';
import { type Begin, decodeEntry, type JournalEntry, type Progress } from './format.ts';
import { isAlive } from './owner.ts';

const FILE = /^(.+)-(\d+)\.journal$/;
const BATCH_ROWS_MAX = 100;

export interface ReplayOptions {
  directory: string;
  settle(records: readonly UsageRecord[]): Promise<void>;
  log: Log;
}

/**
 * Settles what processes that are gone have left, then removes their files. Requests that had begun and never ended
 * are billed up to their last noted progress. Ids make it exactly once, also if this is cut off half-way. A record that
 * does not fit the database, as after a restore of an older one, stays in its file until the next start.
 */
export async function replayJournals({ directory, settle, log }: ReplayOptions): Promise<void> {
  for (const [serverId, files] of listJournals(directory)) {
    const first = files[0];
    const owner = first === undefined ? undefined : readEntries(first, log).next().value;
    if (owner?.type === 'open' && isAlive(owner)) continue;
    const { count, refused } = await replay(files, settle, log);
    if (refused === 0) for (const file of files) rmSync(file, { force: true });
    else log.error({ server_id: serverId, files, refused }, 'the database refuses records of a journal: it is kept');
    log.info({ server_id: serverId, records: count }, 'replayed the journal of a server that is gone');
  }
}

async function replay(files: readonly string[], settle: ReplayOptions['settle'], log: Log) {
  const begun = new Map<string, UsageRecord>();
  const prices = new Map<string, Begin['prices']>();
  let batch: UsageRecord[] = [];
  let count = 0;
  let refused = 0;
  const add = async (record: UsageRecord) => {
    count++;
    batch.push(record);
    if (batch.length < BATCH_ROWS_MAX) return;
    refused += await settleEach(batch, settle, log);
    batch = [];
  };
  for (const file of files) {
    for (const entry of readEntries(file, log)) {
      if (entry.type === 'end') {
        begun.delete(entry.record.id);
        await add(entry.record);
      } else if (entry.type === 'begin') {
        prices.set(entry.record.id, entry.prices);
        begun.set(entry.record.id, entry.record);
      } else if (entry.type === 'progress') {
        const record = begun.get(entry.id);
        if (record) begun.set(entry.id, advance(record, entry));
      }
    }
  }
  for (const record of begun.values()) await add(lose(record, prices.get(record.id) ?? null));
  refused += await settleEach(batch, settle, log);
  return { count, refused };
}

/** All together, or, where the database refuses that, each alone: a bad one holds up no other. Gives how many were refused. */
async function settleEach(batch: readonly UsageRecord[], settle: ReplayOptions['settle'], log: Log): Promise<number> {
  if (batch.length === 0 || (await isTaken(batch, settle, log))) return 0;
  let refused = 0;
  for (const record of batch) if (!(await isTaken([record], settle, log))) refused++;
  return refused;
}

/** SQLite's constraints; Postgres' classes for data and integrity. Anything else is an outage, and ends the replay. */
const REFUSAL = /^(SQLITE_CONSTRAINT|22|23)/;

async function isTaken(batch: readonly UsageRecord[], settle: ReplayOptions['settle'], log: Log): Promise<boolean> {
  try {
    await settle(batch);
    return true;
  } catch (error) {
    if (!REFUSAL.test(String((error as { code?: unknown }).code))) throw error;
    log.warn({ err: error, ids: batch.map(({ id }) => id) }, 'the database refuses records of a journal');
    return false;
  }
}

function advance(record: UsageRecord, { counts, duration_ms }: Progress): UsageRecord {
  const { estimated, ...tokens } = counts;
  return { ...record, ...tokens, estimated: Number(estimated), duration_ms };
}

function lose(record: UsageRecord, prices: Begin['prices']): UsageRecord {
  return { ...record, status: 'gateway_lost', cost_nanos: prices ? priceUsage(prices, record) : 0n };
}

/** Files by server, each server's in order. */
function listJournals(directory: string): Map<string, string[]> {
  const found = readdirSync(directory, { withFileTypes: true })
    .map(({ name }) => FILE.exec(name))
    .filter((match) => match !== null)
    .map(([name, serverId = '', n]) => ({ serverId, n: Number(n), path: join(directory, name) }))
    .toSorted((a, b) => a.n - b.n);
  const byServer = Map.groupBy(found, ({ serverId }) => serverId);
  return new Map([...byServer].map(([serverId, files]) => [serverId, files.map(({ path }) => path)]));
}

/** The entries of one file. The last line may be torn by the crash itself; any other that does not add up is told of. */
function* readEntries(file: string, log: Log): Generator<JournalEntry, undefined> {
  const lines = readFileSync(file, 'utf8').split('\n');
  const torn = lines.pop();
  if (torn) log.info({ file }, 'the last line of a journal is torn and left out');
  for (const [index, line] of lines.entries()) {
    const entry = decodeEntry(line);
    if (entry) yield entry;
    else log.warn({ file, line: index + 1 }, 'a line of a journal does not add up and is left out');
  }
  return undefined;
}
