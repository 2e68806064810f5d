import {
  type ClusterDriver,
  type Deployment,
  type Evidence,
  type Look,
  type Notice,
  RegionUnreachable,
} from '../../cluster/driver.ts';
import type { Context } from '../../context.ts';
import type { ReplicaRow, WorkloadRow } from '../../db/schema.ts';
import type { Circuit } from '../../regions/circuit.ts';
import { decodeMemory } from '../memory.ts';
import { phase } from '../phase/phase.ts';
import type { RegionSeen, Subject } from '../phase/seen.ts';
import { secretsOf } from '../secrets-of.ts';
import { decodeSpec, type WorkloadSpec } from '../spec.ts';
import { listLiveReplicas, listReplicasToCompare } from '../store.ts';
import { refOf } from '../view.ts';
import { setCourse } from './course.ts';
import { type Claim, isCurrent } from './lease.ts';
import { newNotices, remember } from './notices.ts';
import { type Declaration, planLeft, planRegions } from './plan.ts';
import { planReplicas } from './plan-replicas.ts';
import { type Recorded, recordPass } from './record.ts';

export type PassContext = Pick<Context, 'db' | 'changes' | 'secrets' | 'clock' | 'log'> & { circuit: Circuit };

/** Sees all regions of a workload, decides, tells the regions, records. Every pass may be the first or the last. */
export async function runPass(context: PassContext, claim: Claim): Promise<Recorded> {
  const { db, clock, circuit } = context;
  const spec = decodeSpec(claim.spec);
  const places = [...spec.placements.map(({ region }) => region), ...spec.left];
  const answers = await lookAgain(
    context,
    claim,
    await Promise.all(places.map((region) => observe(context, claim, region))),
  );
  const known = await listReplicasToCompare(
    db,
    claim.id,
    answers.flatMap(({ evidence }) => evidence ?? []).map(({ id }) => id),
  );
  const seen = answers.map((answer) => regionSeen(answer, known));
  const regions = seen.slice(0, spec.placements.length);
  const left = seen.slice(spec.placements.length);

  const now = clock();
  const subject = subjectOf(claim, spec);
  const next = phase(subject, regions, now, left);
  const course = await setCourse(circuit, { subject, spec, phase: next, regions, left }, now);
  await tellRegions(context, { claim, spec, told: [...planRegions(subject, next, regions), ...planLeft(left)] });
  const notices = newNotices(
    course.memory,
    answers.flatMap((answer) => answer.notices),
  );
  return recordPass(context, {
    claim,
    spec: course.spec,
    phase: { ...next, memory: remember(course.memory, notices) },
    notices,
    course,
    known,
    replicas: planReplicas(known, answers, now),
    now,
  });
}

interface RegionAnswer {
  region: string;
  evidence: Evidence[] | undefined;
  unreachable: string | null;
  notices: readonly Notice[];
}

/** That a replica is gone ends what is paid for it: it is believed of the region itself, not of a watch that may be late. */
async function lookAgain(context: PassContext, claim: Claim, answers: RegionAnswer[]): Promise<RegionAnswer[]> {
  const live = await listLiveReplicas(context.db, [claim.id]);
  const misses = ({ region, evidence }: RegionAnswer) =>
    evidence !== undefined && live.some((row) => row.region === region && !evidence.some(({ id }) => id === row.id));
  const again = ({ region }: RegionAnswer) => observe(context, claim, region, { isCertain: true });
  return Promise.all(answers.map((answer) => (misses(answer) ? again(answer) : answer)));
}

async function observe(
  { circuit, secrets }: PassContext,
  row: WorkloadRow,
  region: string,
  look: Look = {},
): Promise<RegionAnswer> {
  try {
    const workload = { workload_id: row.id, uid: row.uid, secrets: secretsOf(secrets, row) };
    const ask = async (driver: ClusterDriver) => ({
      evidence: await driver.observe(workload, { generation: row.generation, ...look }),
      notices: driver.notices?.(workload) ?? [],
    });
    return { region, unreachable: null, ...(await circuit.ask(region, ask)) };
  } catch (error) {
    if (!(error instanceof RegionUnreachable)) throw error;
    return { region, evidence: undefined, unreachable: error.message, notices: [] };
  }
}

/** A region that cannot be asked still has the replicas that it had. */
function regionSeen({ region, evidence, unreachable }: RegionAnswer, known: readonly ReplicaRow[]): RegionSeen {
  const remembered = () => known.filter((row) => row.region === region).map((row) => ({ ...row, restarted_at: [] }));
  return { region, unreachable, replicas: evidence ?? remembered() };
}

function subjectOf(row: WorkloadRow, { replicas, gpu, startup_seconds, candidates }: WorkloadSpec): Subject {
  const { id, desired, state } = row;
  const mayMove = candidates.length > 0;
  return {
    id,
    ref: refOf(row),
    desired,
    state,
    replicas,
    gpu,
    startup_seconds,
    mayMove,
    memory: decodeMemory(row.memory),
  };
}

interface Told {
  claim: Claim;
  spec: WorkloadSpec;
  told: readonly Declaration[];
}

/** Declares to each region what it should run, unless something else was asked for since the row was read. The next pass sees what came of it. */
async function tellRegions({ db, secrets, circuit, log }: PassContext, { claim, spec, told }: Told): Promise<void> {
  if (told.length === 0 || !(await isCurrent(db, { ...claim, token: claim.lease_token }))) return;
  const deployment = { ...deploymentOf(claim, spec), secrets: secretsOf(secrets, claim) };
  const tell = async (declared: Declaration) => {
    try {
      await circuit.ask(declared.region, (driver) => driver.apply({ ...deployment, ...declared }));
    } catch (err) {
      log.warn({ err, workload_id: claim.id, ...declared }, 'a region did not take a declaration');
    }
  };
  await Promise.all(told.map(tell));
}

/** How long a replica that was told to stop may finish its requests. */
const GRACE_SECONDS = 30;

function deploymentOf(row: WorkloadRow, spec: WorkloadSpec): Omit<Deployment, 'region' | 'replicas' | 'secrets'> {
  const { id: workload_id, uid, account_id, name, generation } = row;
  const { image, engine, command, args, env, gpu, mounts, port, health_path, startup_seconds } = spec;
  const model = { ECO_MODEL: name, ...(row.category && { ECO_MODEL_CATEGORY: row.category }) };
  return {
    workload_id,
    uid,
    account_id,
    name,
    generation,
    image,
    engine,
    command,
    args,
    env: { ...model, ...env },
    gpu,
    mounts,
    port,
    health_path,
    startup_seconds,
    grace_seconds: GRACE_SECONDS,
  };
}
