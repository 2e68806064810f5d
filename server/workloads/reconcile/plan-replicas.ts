import type { Evidence } from '../../cluster/driver.ts';
import type { ReplicaRow } from '../../db/schema.ts';

export interface ReplicaChange {
  before: ReplicaRow | undefined;
  after: Omit<ReplicaRow, 'changed_seq'>;
  /** Why its last process ended. */
  lastEnd?: string | undefined;
}

/** What one region said: evidence, or undefined where it could not be asked. */
export interface Answer {
  region: string;
  evidence: readonly Evidence[] | undefined;
}

/** Rows that differ from what was seen. What a region that answers no longer knows is gone; a silent region changes nothing. */
export function planReplicas(known: readonly ReplicaRow[], answers: readonly Answer[], now: number): ReplicaChange[] {
  const before = new Map(known.map((row) => [row.id, row]));
  const replicas = answers.flatMap(({ evidence }) => evidence ?? []).filter(({ is_placeholder }) => !is_placeholder);
  const seen = replicas.map((evidence) => ({ after: rowOf(evidence), lastEnd: evidence.last_end }));
  const ids = new Set(replicas.map(({ id }) => id));
  const asked = new Set(answers.filter(({ evidence }) => evidence !== undefined).map(({ region }) => region));
  const lost = known
    .filter((row) => row.state !== 'gone' && asked.has(row.region) && !ids.has(row.id))
    .map((row) => ({ after: lostRow(row, now) }));
  return [...seen, ...lost]
    .map((change) => keepStart(before.get(change.after.id), change))
    .filter(({ before, after }) => before?.state !== 'gone' && differs(before, after));
}

function rowOf({
  generation: _generation,
  restarted_at: _restarts,
  is_hopeless: _hopeless,
  is_placeholder: _placeholder,
  is_placed: _placed,
  last_end: _end,
  ...evidence
}: Evidence): ReplicaChange['after'] {
  const ended = evidence.state === 'gone';
  return { ...evidence, address: ended ? null : evidence.address, pid: ended ? null : evidence.pid };
}

/** A replica starts once, however little of it a later server finds. */
const keepStart = (before: ReplicaRow | undefined, change: Omit<ReplicaChange, 'before'>): ReplicaChange => ({
  ...change,
  before,
  after: { ...change.after, started_at: before?.started_at ?? change.after.started_at },
});

const lostRow = ({ changed_seq: _seq, ...row }: ReplicaRow, now: number): ReplicaChange['after'] => ({
  ...row,
  state: 'gone',
  reason: 'replicas_stopping',
  message: `${row.region} does not know this replica any more.`,
  pid: null,
  address: null,
  ended_at: row.ended_at ?? now,
});

function differs(before: ReplicaRow | undefined, after: ReplicaChange['after']): boolean {
  if (!before) return true;
  return (Object.keys(after) as (keyof typeof after)[]).some((column) => before[column] !== after[column]);
}
