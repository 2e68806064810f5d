import { formatMoney, type Model, ModelSource, type Quote } from '../../../sdk/contract/index.ts';
import { type Actor, recordAudit } from '../../accounts/audit-log.ts';
import { findAccount } from '../../accounts/store.ts';
import { openHold } from '../../billing/holds.ts';
import { getBalanceOf } from '../../billing/store.ts';
import { findPlatformModel } from '../../catalog/store.ts';
import type { Context } from '../../context.ts';
import { nextChange } from '../../db/changes.ts';
import { type Db, isUniqueViolation } from '../../db/open.ts';
import type { ModelRow, WorkloadRow } from '../../db/schema.ts';
import { getRegisteredModel, notRegistered } from '../../models/get-registered-model.ts';
import { lockModel } from '../../models/store.ts';
import { newId } from '../../new-id.ts';
import { listFilesystems, type PlacedFilesystem } from '../../regions/filesystems.ts';
import type { Secrets } from '../../secrets.ts';
import { rulesOf } from '../kinds.ts';
import { encodeMemory, newMemory } from '../memory.ts';
import { dearestHoldOf, rateOf } from '../rate.ts';
import { plural } from '../sentence.ts';
import { encodeSpec, type WorkloadSpec } from '../spec.ts';
import { findLaunched, insertEvents, insertWorkload } from '../store.ts';
import { refOf } from '../view.ts';
import { type LaunchRequest, planSpec, planWish } from './plan-launch.ts';
import { type Placement, planPlacement, quoteOf } from './quote.ts';
import { type Room, readRoom, readRoomLeft } from './room.ts';

export interface Launch {
  accountId: string;
  actor: Actor;
  /** Unique in the account: the same launch again gives the same workload. */
  launchKey: string | undefined;
  input: LaunchRequest;
}

const KIND = 'inference_instance';
const HOURS = rulesOf(KIND).holdHours;

/**
 * Makes the workload with its hold, first event and audit entry in one transaction, before any region is told. Throws
 * `no_capacity` before money is held and `insufficient_balance` with nothing left behind.
 */
export async function launchWorkload(
  context: Pick<Context, 'db' | 'regions' | 'clock' | 'secrets'>,
  launch: Launch,
): Promise<WorkloadRow> {
  const { db } = context;
  const earlier = launch.launchKey && (await findLaunched(db, launch.accountId, launch.launchKey));
  if (earlier) return earlier;
  const model = await getRegisteredModel(db, launch.accountId, launch.input.model);
  const room = await readRoom(context, launch.input.regions);
  const filesystems = listFilesystems(context.regions, launch.accountId);
  try {
    return await db.transaction().execute((trx) => insertLaunch(trx, context, { launch, model, room, filesystems }));
  } catch (error) {
    const twin =
      launch.launchKey && isUniqueViolation(error) && (await findLaunched(db, launch.accountId, launch.launchKey));
    if (twin) return twin;
    throw error;
  }
}

export type Draft = Pick<Model, 'category' | 'source'>;

/** What a launch would cost and where it would go, also of a model that is only a draft. Changes nothing. */
export async function quoteLaunch(
  { db, regions }: Pick<Context, 'db' | 'regions'>,
  launch: Launch,
  draft: Draft | undefined,
): Promise<Quote> {
  const { accountId, input } = launch;
  const model = draft ? draftModel(launch, draft) : await getRegisteredModel(db, accountId, input.model);
  const room = await readRoom({ db, regions }, launch.input.regions);
  const filesystems = listFilesystems(regions, accountId);
  const { placement, spec } = await decide(db, { launch, model, room, filesystems });
  const { available_nanos } = await getBalanceOf(db, launch.accountId);
  return quoteOf(placement, {
    rate_nanos: rateOf(spec),
    hold_nanos: dearestHoldOf(spec, HOURS),
    available_nanos,
    hold_hours: HOURS,
  });
}

const draftModel = ({ accountId, input }: Launch, { category, source }: Draft): ModelRow => ({
  id: '',
  account_id: accountId,
  name: input.model,
  category,
  source: JSON.stringify(source),
  token_encrypted: null,
  created_at: 0,
  removed_at: null,
});

interface Considered {
  launch: Launch;
  model: ModelRow;
  room: Room;
  filesystems: readonly PlacedFilesystem[];
}

async function insertLaunch(
  trx: Db,
  { clock, secrets }: Pick<Context, 'clock' | 'secrets'>,
  considered: Considered,
): Promise<WorkloadRow> {
  const { launch, model } = considered;
  const { accountId: account_id, actor, input } = launch;
  if (!(await lockModel(trx, model.id))) throw notRegistered(input.model);
  const changed_seq = await nextChange(trx, 'workloads'); // from here on launches wait for each other
  const { placement, spec } = await decide(trx, considered);
  const now = clock();
  const row = await insertWorkload(trx, {
    uid: newId('wl', now),
    account_id,
    kind: KIND,
    name: model.name,
    model_id: model.id,
    category: model.category,
    spec: encodeSpec(spec),
    secrets_encrypted: sealSecrets(secrets, input, model),
    desired: 'running',
    generation: 1,
    observed_generation: 0,
    state: 'pending',
    reason: 'scheduled',
    message: `${model.name} is being started in ${spec.placements.map(({ region }) => region).join(', ')}.`,
    hint: null,
    since: now,
    revision: 1,
    memory: encodeMemory(newMemory(now)),
    launch_key: launch.launchKey ?? null,
    created_at: now,
    started_at: null,
    ended_at: null,
    next_at: now,
    changed_seq,
  });
  const amount_nanos = dearestHoldOf(spec, HOURS);
  await insertEvents(trx, row, now, [
    { type: 'normal', reason: 'launched', message: describe(spec, placement, amount_nanos), actor: actor.id },
  ]);
  await recordAudit(trx, {
    account_id,
    actor,
    action: 'workload.launch',
    target: String(row.id),
    detail: auditDetail(spec),
    at: now,
  });
  await openHold(trx, {
    account_id,
    workload_id: row.id,
    amount_nanos,
    now,
    description: `Hold for ${refOf(row)}, ${HOURS} hours`,
  });
  return row;
}

/** What the launch gave, and the token that its model has now: a later one is for later launches. */
function sealSecrets(secrets: Secrets, input: LaunchRequest, { token_encrypted }: ModelRow): string | null {
  const all = { ...(token_encrypted !== null && { HF_TOKEN: secrets.decrypt(token_encrypted) }), ...input.secrets };
  return Object.keys(all).length === 0 ? null : secrets.encrypt(JSON.stringify(all));
}

/** Settles all that the launch left open. Inside the launch's transaction nobody else can take the same GPUs. */
async function decide(
  db: Db,
  { launch: { accountId, input }, model, room, filesystems }: Considered,
): Promise<{ placement: Placement; spec: WorkloadSpec }> {
  const source = await findWeights(db, ModelSource.parse(JSON.parse(model.source)));
  const placement = planPlacement(planWish(input, { model, source, filesystems }), await readRoomLeft(db, room));
  const isSystem = (await findAccount(db, accountId))?.is_system === 1;
  return { placement, spec: planSpec(input, { model, source, filesystems, placement, isSystem, stock: room.stock }) };
}

/** A platform model that was registered by an alias has its weights under its own name. */
async function findWeights(db: Db, source: ModelSource): Promise<ModelSource> {
  if (source.type !== 'platform') return source;
  const { id } = (await findPlatformModel(db, source.platform_model)) ?? {};
  return id === undefined ? source : { type: 'platform', platform_model: id };
}

function describe(spec: WorkloadSpec, { notes }: Placement, hold_nanos: bigint): string {
  const { replicas, gpu, placements } = spec;
  const where = placements.map(({ region }) => region).join(', ');
  const what = `${plural(replicas * placements.length, 'replica')} of ${gpu.count} × ${gpu.type} in ${where}`;
  const money = `$${formatMoney(rateOf(spec))} per hour, $${formatMoney(hold_nanos)} set aside for ${HOURS} hours`;
  return [`Launched: ${what}; ${money}.`, ...notes].join(' ');
}

const auditDetail = ({ image, engine, placements, replicas, gpu }: WorkloadSpec) => ({
  image,
  engine,
  regions: placements.map(({ region }) => region),
  replicas,
  gpu,
});
