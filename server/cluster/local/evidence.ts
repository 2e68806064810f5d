import { hostname } from 'node:os';
import type { Offer } from '../../../sdk/contract/index.ts';
import type { Evidence } from '../driver.ts';
import { openMask } from '../mask.ts';
import type { Exit } from './run-file.ts';
import type { Slot, Verdict } from './slot.ts';

const NODE = hostname();

/** What the outside is told of a slot. `offer` is what its region has of the GPUs it wants. */
export function evidenceOf(slot: Slot, offer: Offer | undefined): Evidence {
  const { spec, state, run } = slot;
  const { state: replicaState, reason, message } = stateOf(slot, offer);
  return {
    id: spec.id,
    workload_id: spec.workload_id,
    region: spec.region,
    node: NODE,
    state: replicaState,
    reason,
    message: shortened(openMask(spec.secrets)(message)),
    restarts: state.restarts,
    restarted_at: state.restarted_at,
    pid: run?.child?.pid ?? null,
    address: run?.child ? `127.0.0.1:${state.port}` : null,
    generation: spec.generation,
    started_at: state.started_at,
    ready_at: state.ready_at,
    ended_at: state.ended_at,
    exit_code: state.exit_code,
  };
}

const MESSAGE_MAX_CHARS = 600;

/** Only after secrets are masked: half of one would not be found. */
const shortened = (message: string) =>
  message.length > MESSAGE_MAX_CHARS ? `${message.slice(0, MESSAGE_MAX_CHARS)}…` : message;

type Told = Verdict & Pick<Evidence, 'state'>;

function stateOf(slot: Slot, offer: Offer | undefined): Told {
  const { spec, state, run, isReady, probed } = slot;
  if (state.ended_at !== null) return { state: 'gone', ...endOf(slot) };
  if (state.stop) return { state: 'stopping', reason: state.stop.reason, message: state.stop.message };
  if (isReady) return { state: 'ready', reason: 'ready', message: 'Ready.' };
  const asked = `GET ${spec.health_path}`;
  if (run?.child && state.ready_at !== null)
    return { state: 'unready', reason: 'unresponsive', message: `Was ready, but ${asked} now ${probed ?? 'fails'}.` };
  if (run?.child)
    return { state: 'loading', reason: 'loading_model', message: `Loading: ${asked} ${probed ?? 'is asked'}.` };
  if (state.trouble) return { state: state.run === 0 ? 'pending' : 'restarting', ...state.trouble };
  if (state.gpus === null) return { state: 'pending', reason: 'no_capacity', message: shortage(spec, offer) };
  return { state: 'loading', reason: 'starting', message: 'Its process is being started.' };
}

/** Why a slot ended: because it was told to, else because its process did. */
function endOf({ state }: Slot): Verdict {
  return state.stop ?? state.trouble ?? { reason: 'replicas_stopping', message: 'Ended.' };
}

function shortage({ gpu, region }: Slot['spec'], offer: Offer | undefined): string {
  const { total = 0, free = 0 } = offer ?? {};
  return `Waiting for ${gpu.count} × ${gpu.type} in ${region}: ${free} free of ${total}.`;
}

const SIGNALS: Record<string, number> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** As a shell tells it: 128 and the number of the signal. */
export const exitCodeOf = ({ code, signal }: Exit): number | null =>
  code ?? (signal === null ? null : 128 + (SIGNALS[signal] ?? 0));

/** How a process ended that should not have, in one sentence. */
export function verdictOf({ code, signal, error, is_lease_lost, last_line }: Exit): Verdict {
  if (is_lease_lost) return { reason: 'replicas_stopping', message: 'Ended because no server was there for it.' };
  if (error !== null) return { reason: 'bad_config', message: `Its command cannot be started: ${error}.` };
  const how = signal === null ? `Exited with code ${code ?? 'unknown'}` : `Killed by ${signal}`;
  return { reason: 'crashed', message: last_line === null ? `${how}.` : `${how}: ${last_line}` };
}
