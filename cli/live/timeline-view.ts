import type { Reason, ReplicaState } from '../../sdk/index.ts';
import { dollars } from '../money.ts';
import { readiness } from '../progress-line.ts';
import { formatElapsed } from './elapsed.ts';
import { harmless } from './harmless.ts';
import type { Line, Size } from './line.ts';
import { SIGNS, TONES } from './state-look.ts';
import type { SeenReplica, Timeline } from './timeline.ts';
import { pad, widthOf } from './width.ts';

/** More replicas than these are summed by region and state. */
const REPLICAS_SHOWN_MAX = 12;
const PHASES_SHOWN_MAX = 5;

/** Where a workload stands, why, for how long, and how it got there. */
export function timelineLines(timeline: Timeline, now: number, { rows }: Pick<Size, 'rows'>): Line[] {
  const head = [headLine(timeline, now), messageLine(timeline)];
  const rest = rows - head.length - 1;
  return [...head, ...bounded(replicaLines(timeline.replicas, now), rest), phasesLine(timeline, now)].slice(0, rows);
}

function headLine({ workload, startedAt, phases }: Timeline, now: number): Line {
  const { ref, state, rate_per_hour, hold } = workload;
  const isOver = TONES[state] !== 'busy';
  const total = (isOver ? (phases.at(-1)?.at ?? now) : now) - startedAt;
  return [
    { text: ref, tone: 'strong' },
    { text: `  ${SIGNS[state]} ${state}`, tone: TONES[state] },
    { text: `  ${[readiness(workload), formatElapsed(total)].filter(Boolean).join('  ')}` },
    { text: `  ${dollars(rate_per_hour)}/h, ${dollars(hold)} held`, tone: 'faint' },
  ];
}

const messageLine = ({ workload }: Timeline): Line => [{ text: `  ${harmless(workload.message)}` }];

/** `pending 2s → loading 14s → running`; of many the last. */
function phasesLine({ phases }: Timeline, now: number): Line {
  const texts = phases.map(({ state, at }, index) => {
    const next = phases[index + 1]?.at;
    const isLasting = next === undefined && TONES[state] === 'busy';
    return next === undefined && !isLasting ? state : `${state} ${formatElapsed((next ?? now) - at)}`;
  });
  const earlier = texts.length > PHASES_SHOWN_MAX ? '… → ' : '';
  return [{ text: `  ${earlier}${texts.slice(-PHASES_SHOWN_MAX).join(' → ')}`, tone: 'faint' }];
}

interface Row {
  state: ReplicaState;
  reason: Reason;
  name: string;
  status: string;
  elapsed: string;
  message: string;
}

function replicaLines(replicas: readonly SeenReplica[], now: number): Line[] {
  const rows =
    replicas.length > REPLICAS_SHOWN_MAX ? summedRows(replicas, now) : replicas.map((each) => row(each, now));
  const width = (field: 'name' | 'status' | 'elapsed') => Math.max(...rows.map((each) => widthOf(each[field])));
  return rows.map(({ state, reason, name, status, elapsed, message }) => {
    const tone = TROUBLES.has(reason) ? 'bad' : TONES[state];
    return [
      { text: `  ${TROUBLES.has(reason) ? TROUBLE : SIGNS[state]} `, tone },
      { text: pad(name, width('name')) },
      { text: `  ${pad(status, width('status'))}`, tone },
      { text: `  ${elapsed.padStart(width('elapsed'))}` },
      { text: `  ${harmless(message)}`, tone: 'faint' },
    ];
  });
}

const row = ({ id, workload_id, state, reason, message, since }: SeenReplica, now: number): Row => ({
  state,
  reason,
  name: id.startsWith(`${workload_id}-`) ? id.slice(`${workload_id}-`.length) : id,
  status: state,
  elapsed: formatElapsed(now - since),
  message,
});

/** One row for all replicas of a region in the same state: how many, and what the one says that is there longest. */
function summedRows(replicas: readonly SeenReplica[], now: number): Row[] {
  const groups = Map.groupBy(replicas, ({ region, state }) => `${region} ${state}`);
  return [...groups.values()].flatMap((group) => {
    const [oldest] = group.toSorted((a, b) => a.since - b.since);
    if (!oldest) return [];
    return [{ ...row(oldest, now), name: oldest.region, status: `${oldest.state} ×${group.length}` }];
  });
}

function bounded(lines: readonly Line[], rows: number): Line[] {
  if (lines.length <= rows) return [...lines];
  const shown = Math.max(0, rows - 1);
  return [...lines.slice(0, shown), [{ text: `  … ${lines.length - shown} more`, tone: 'faint' }]];
}

const TROUBLE = '✗';
/** These do not pass by themselves. */
const TROUBLES: ReadonlySet<Reason> = new Set(['crashed', 'startup_timeout', 'bad_config', 'unresponsive']);
