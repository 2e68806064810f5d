import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { pino } from 'pino';
import { NO_UNITS, priceUsage } from '../server/billing/price.ts';
import { settleUsage, type UsageRecord } from '../server/billing/settle.ts';
import { startChanges } from '../server/db/changes.ts';
import { decodeEntry, encodeEntry, type JournalEntry } from '../server/gateway/journal/format.ts';
import { Journal, type JournalOptions } from '../server/gateway/journal/journal.ts';
import { replayJournals } from '../server/gateway/journal/replay.ts';
import { dayOfId, newId } from '../server/new-id.ts';
import { DIALECTS, openTestDatabase } from './databases.ts';
import { PRICES, setBalance } from './gateway-rig.ts';
import { until } from './until.ts';

const log = pino({ level: process.env.LOG ?? 'silent' });

function makeRecord(change: Partial<UsageRecord> = {}): UsageRecord {
  const id = newId('req');
  return {
    day: dayOfId(id),
    id,
    account_id: 'acc',
    key_id: 'key',
    model: 'm',
    workload_id: null,
    region: 'r0',
    replica_id: 'x',
    status: 'completed',
    streamed: 1,
    estimated: 0,
    input_tokens: 10,
    cached_input_tokens: 0,
    output_tokens: 1,
    ...NO_UNITS,
    cost_nanos: 12_000n,
    attempts: 1,
    upstream_id: null,
    started_at: 1,
    first_token_ms: 1,
    duration_ms: 5,
    ...change,
  };
}

function makeDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'eco-journal-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A database that can be away. */
function makeLedger() {
  const settled = new Map<string, UsageRecord>();
  const ledger = {
    settled,
    isAway: false,
    batches: [] as number[],
    async settle(records: readonly UsageRecord[]) {
      if (ledger.isAway) throw new Error('away');
      ledger.batches.push(records.length);
      for (const record of records) settled.set(record.id, record);
    },
  };
  return ledger;
}

const open = (directory: string, ledger: ReturnType<typeof makeLedger>, options: Partial<JournalOptions> = {}) =>
  new Journal({
    directory,
    serverId: newId('srv'),
    fsync: 'never',
    settle: ledger.settle,
    onSettled: () => {},
    log,
    ...options,
  });

const files = (directory: string) => readdirSync(directory).filter((name) => name.endsWith('.journal'));
const counts = (output_tokens: number) => ({
  input_tokens: 10,
  cached_input_tokens: 0,
  output_tokens,
  estimated: false,
});

/** Resolves when the answer may go on. */
const end = (journal: Journal, record = makeRecord()) => new Promise<void>((resolve) => journal.end(record, resolve));

/** What a process that is gone has left: its pid belongs to nobody. */
function leave(directory: string, entries: readonly JournalEntry[], { n = 1, tail = '' } = {}): string {
  const file = join(directory, `srv_gone-${n}.journal`);
  const owner: JournalEntry = { type: 'open', server_id: 'srv_gone', pid: 2 ** 30, pid_epoch: '1' };
  writeFileSync(file, [owner, ...entries].map(encodeEntry).join('') + tail);
  return file;
}

describe('a line of the journal', () => {
  test('is read as it was written, and not at all when a byte of it changed', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(text, fc.bigInt({ min: 0n, max: 2n ** 62n }), fc.nat(), (model, cost_nanos, at) => {
        const entry: JournalEntry = { type: 'end', record: makeRecord({ model, cost_nanos }) };
        const line = encodeEntry(entry);
        assert.ok(line.endsWith('\n') && !line.slice(0, -1).includes('\n'));
        const text = line.slice(0, -1);
        if (model.isWellFormed()) assert.deepEqual(decodeEntry(text), entry);
        const index = at % text.length;
        const other = text[index] === 'x' ? 'y' : 'x';
        assert.equal(decodeEntry(text.slice(0, index) + other + text.slice(index + 1)), undefined);
      }),
    );
  });
});

describe('the journal', () => {
  for (const fsync of ['never', 'second', 'always'] as const) {
    test(`with fsync "${fsync}" has a record on disk before the answer goes on, and settles it`, async (t) => {
      const directory = makeDirectory(t);
      const ledger = makeLedger();
      await using journal = open(directory, ledger, { fsync });
      const record = makeRecord();
      await end(journal, record);
      const [file] = files(directory);
      assert.match(readFileSync(join(directory, file ?? ''), 'utf8'), new RegExp(record.id));
      await until('it is settled', () => ledger.settled.get(record.id));
      assert.deepEqual(ledger.settled.get(record.id), record);
    });
  }

  test('leaves nothing behind when all is settled', async (t) => {
    const directory = makeDirectory(t);
    const ledger = makeLedger();
    {
      await using journal = open(directory, ledger);
      for (let i = 0; i < 250; i++) journal.end(makeRecord(), () => {});
    }
    assert.equal(ledger.settled.size, 250);
    assert.deepEqual(ledger.batches, [100, 100, 50]);
    assert.deepEqual(files(directory), []);
  });

  test('keeps a long outage on disk, not in memory, and loses nothing', async (t) => {
    const directory = makeDirectory(t);
    const ledger = makeLedger();
    ledger.isAway = true;
    const settledIds: string[] = [];
    await using journal = open(directory, ledger, {
      segmentBytesMax: 20_000,
      inMemoryMax: 50,
      onSettled: ({ id }) => settledIds.push(id),
    });
    const records = Array.from({ length: 2000 }, () => makeRecord());
    for (const half of [records.slice(0, 1000), records.slice(1000)])
      await Promise.all(half.map((record) => end(journal, record)));
    const ids = records.map(({ id }) => id);
    await assert.rejects(journal.flush(), /away/);
    assert.ok(files(directory).length > 10);
    ledger.isAway = false;
    await journal.flush();
    assert.deepEqual([...ledger.settled.keys()].toSorted(), ids.toSorted());
    assert.equal(settledIds.length, 2000, 'each is told once');
    assert.equal(files(directory).length, 1, 'segments that are settled are gone');
  });

  test('is not held up by one record that the database refuses', async (t) => {
    const ledger = makeLedger();
    const poison = makeRecord();
    const settle = async (records: readonly UsageRecord[]) => {
      if (records.includes(poison)) throw new Error('refused');
      await ledger.settle(records);
    };
    const journal = open(makeDirectory(t), ledger, { settle });
    journal.end(poison, () => {});
    for (let i = 0; i < 150; i++) journal.end(makeRecord(), () => {});
    await until('the others are settled', () => ledger.settled.size === 150);
    await journal[Symbol.asyncDispose]();
  });

  test('goes on in memory when the disk refuses, and lets nobody in when memory is full too', async (t) => {
    const directory = makeDirectory(t);
    const ledger = makeLedger();
    ledger.isAway = true;
    await using journal = open(directory, ledger, { segmentBytesMax: 500, inMemoryMax: 3 });
    rmSync(directory, { recursive: true });
    for (let i = 0; i < 3; i++) {
      assert.equal(journal.canAdmit, true);
      await end(journal);
    }
    assert.equal(journal.canAdmit, false);
    ledger.isAway = false;
    await journal.flush();
    assert.equal(ledger.settled.size, 3);
    assert.equal(journal.canAdmit, true);
  });

  test('keeps a segment while a stream that began in it lives', async (t) => {
    const directory = makeDirectory(t);
    const ledger = makeLedger();
    await using journal = open(directory, ledger, { segmentBytesMax: 2_000 });
    const record = makeRecord();
    journal.begin({ record, prices: PRICES });
    for (let i = 0; i < 20; i++) await end(journal);
    await journal.flush();
    assert.ok(files(directory).length > 5);
    journal.end(record, () => {});
    await journal.flush();
    assert.equal(files(directory).length, 1);
  });
});

describe('the replay', () => {
  test('bills what ended as it ended and what was lost up to its last progress', async (t) => {
    const directory = makeDirectory(t);
    const ledger = makeLedger();
    const [ended, lost, silent, own] = [makeRecord(), makeRecord(), makeRecord(), makeRecord()];
    leave(directory, [
      { type: 'begin', record: { ...ended, output_tokens: 0, cost_nanos: 0n }, prices: PRICES },
      { type: 'begin', record: { ...lost, cost_nanos: 0n }, prices: PRICES },
      { type: 'begin', record: { ...own, cost_nanos: 0n }, prices: null },
      { type: 'progress', id: lost.id, counts: counts(7), duration_ms: 1000 },
      { type: 'end', record: ended },
    ]);
    leave(
      directory,
      [
        { type: 'progress', id: lost.id, counts: counts(9), duration_ms: 2000 },
        { type: 'begin', record: { ...silent, cost_nanos: 0n }, prices: PRICES },
      ],
      { n: 2, tail: 'deadbeef {"type":"progress","id":"req' },
    );
    await replayJournals({ directory, settle: ledger.settle, log });
    assert.deepEqual(ledger.settled.get(ended.id), ended);
    const after = ledger.settled.get(lost.id);
    assert.deepEqual([after?.status, after?.output_tokens, after?.duration_ms], ['gateway_lost', 9, 2000]);
    assert.equal(after?.cost_nanos, priceUsage(PRICES, counts(9)));
    assert.deepEqual(
      [ledger.settled.get(silent.id)?.status, ledger.settled.get(silent.id)?.output_tokens],
      ['gateway_lost', 1],
    );
    assert.equal(ledger.settled.get(own.id)?.cost_nanos, 0n);
    assert.deepEqual(files(directory), []);
  });

  test('finds all that a process had noted when it was killed, and waits while it lives', async (t) => {
    const directory = makeDirectory(t);
    const ledger = makeLedger();
    const [lost, ended] = [makeRecord(), makeRecord()];
    const progress = { id: lost.id, counts: counts(5), duration_ms: 1000 };
    const plain = (record: UsageRecord) => ({ ...record, cost_nanos: String(record.cost_nanos) });
    const job = { record: plain(lost), ended: plain(ended), progress, prices: PRICES };
    const writer = fileURLToPath(new URL('./fakes/journal-writer.ts', import.meta.url));
    const child = spawn(process.execPath, [writer, directory, newId('srv'), JSON.stringify(job)]);
    t.after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');

    await replayJournals({ directory, settle: ledger.settle, log });
    assert.equal(ledger.settled.size, 0);

    child.kill('SIGKILL');
    await once(child, 'exit');
    await replayJournals({ directory, settle: ledger.settle, log });
    assert.deepEqual(ledger.settled.get(ended.id), ended);
    const { status, output_tokens, cost_nanos } = ledger.settled.get(lost.id) ?? {};
    assert.deepEqual([status, output_tokens, cost_nanos], ['gateway_lost', 5, priceUsage(PRICES, counts(5))]);
    assert.deepEqual(files(directory), []);
  });

  test('leaves out lines that do not add up and goes on', async (t) => {
    const directory = makeDirectory(t);
    const ledger = makeLedger();
    const [first, second] = [makeRecord(), makeRecord()];
    const file = leave(directory, [{ type: 'end', record: first }]);
    appendFileSync(file, `00000000 {"type":"end"}\n\n${encodeEntry({ type: 'end', record: second })}`);
    await replayJournals({ directory, settle: ledger.settle, log });
    assert.deepEqual([...ledger.settled.keys()], [first.id, second.id]);
  });

  test('does not touch the journal of a process that lives', async (t) => {
    const directory = makeDirectory(t);
    const [ours, theirs] = [makeLedger(), makeLedger()];
    await using journal = open(directory, ours);
    const record = makeRecord();
    journal.begin({ record, prices: PRICES });
    await replayJournals({ directory, settle: theirs.settle, log });
    assert.equal(theirs.settled.size, 0);
    assert.equal(files(directory).length, 1);
    journal.end(record, () => {});
  });

  test('that is cut off is done again, and keeps the files until then', async (t) => {
    const directory = makeDirectory(t);
    const ledger = makeLedger();
    const file = leave(directory, [{ type: 'end', record: makeRecord() }]);
    ledger.isAway = true;
    await assert.rejects(replayJournals({ directory, settle: ledger.settle, log }));
    assert.ok(existsSync(file));
    ledger.isAway = false;
    await replayJournals({ directory, settle: ledger.settle, log });
    assert.equal(ledger.settled.size, 1);
  });

  for (const dialect of DIALECTS) {
    test(`keeps what the database refuses, settles the rest, and lets the server start on ${dialect}`, async (t) => {
      const directory = makeDirectory(t);
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      await using changes = startChanges(db, () => {});
      await db.insertInto('accounts').values({ id: 'acc', name: 'a', is_system: 0, created_at: 0 }).execute();
      await db.transaction().execute((trx) => setBalance(trx, 'acc', 1));
      const [lost, known] = [makeRecord({ account_id: 'acc_of_a_newer_database' }), makeRecord()];
      const file = leave(directory, [
        { type: 'end', record: lost },
        { type: 'end', record: known },
      ]);
      await replayJournals({ directory, settle: (records) => settleUsage({ db, changes }, records), log });
      const rows = await db.selectFrom('usage_records').select('id').execute();
      assert.deepEqual(rows, [{ id: known.id }]);
      assert.ok(existsSync(file));
    });

    test(`twice charges once on ${dialect}`, async (t) => {
      const directory = makeDirectory(t);
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      await using changes = startChanges(db, () => {});
      await db.insertInto('accounts').values({ id: 'acc', name: 'a', is_system: 0, created_at: 0 }).execute();
      await db.transaction().execute((trx) => setBalance(trx, 'acc', 1));
      const record = makeRecord();
      for (let round = 0; round < 2; round++) {
        leave(directory, [
          { type: 'begin', record, prices: PRICES },
          { type: 'end', record },
        ]);
        await replayJournals({ directory, settle: (records) => settleUsage({ db, changes }, records), log });
      }
      const rows = await db.selectFrom('transfers').selectAll().execute();
      assert.deepEqual(
        rows.map((row) => row.amount_nanos),
        [record.cost_nanos],
      );
    });
  }
});
