import { CompiledQuery } from 'kysely';
import type { Db } from '../db/open.ts';
import type { UsageRecordRow } from '../db/schema.ts';

type Inserted = Pick<UsageRecordRow, 'id' | 'account_id' | 'key_id' | 'cost_nanos' | 'transfer_id'>;

/** Inserts what is not there yet, and gives that back. */
export async function insertUsage(trx: Db, rows: readonly UsageRecordRow[]): Promise<Inserted[]> {
  const parameters = rows.flatMap((row) => COLUMNS.map((column) => row[column]));
  const { rows: inserted } = await trx.executeQuery(CompiledQuery.raw(textFor(trx, rows.length), parameters));
  return inserted as Inserted[];
}

/** All columns, in the order of the statement's parameters. */
const COLUMNS = Object.keys({
  day: 0,
  id: 0,
  account_id: 0,
  key_id: 0,
  model: 0,
  workload_id: 0,
  region: 0,
  replica_id: 0,
  status: 0,
  streamed: 0,
  estimated: 0,
  input_tokens: 0,
  cached_input_tokens: 0,
  output_tokens: 0,
  images: 0,
  audio_ms: 0,
  characters: 0,
  documents: 0,
  video_ms: 0,
  cost_nanos: 0,
  transfer_id: 0,
  attempts: 0,
  upstream_id: 0,
  started_at: 0,
  first_token_ms: 0,
  duration_ms: 0,
} satisfies Record<keyof UsageRecordRow, 0>) as (keyof UsageRecordRow)[];

/** Statements by number of rows, for each open database. */
const texts = new WeakMap<object, Map<number, string>>();

/** The statement for so many rows, built once: for a hundred rows, building it costs more than running it. */
function textFor(trx: Db, count: number): string {
  const database = trx.getExecutor().adapter;
  const known = texts.get(database) ?? new Map<number, string>();
  texts.set(database, known);
  const text = known.get(count) ?? buildText(trx, count);
  known.set(count, text);
  return text;
}

function buildText(trx: Db, count: number): string {
  const row = Object.fromEntries(COLUMNS.map((column) => [column, ''])) as unknown as UsageRecordRow;
  return trx
    .insertInto('usage_records')
    .values(Array.from({ length: count }, () => row))
    .onConflict((conflict) => conflict.columns(['day', 'id']).doNothing())
    .returning(['id', 'account_id', 'key_id', 'cost_nanos', 'transfer_id'])
    .compile().sql;
}
