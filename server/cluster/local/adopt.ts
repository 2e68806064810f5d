import { exitCodeOf, verdictOf } from './evidence.ts';
import { probe } from './probe.ts';
import { lookAtRun } from './run.ts';
import { isLive, type Slot } from './slot.ts';
import { end, noteProbe } from './tend.ts';

/**
 * Takes over a slot from an earlier server. One whose process ended while nobody was there is gone, with the true time
 * and exit code: it must not be charged until now. `leaseAt` is when a server was last there.
 */
export async function adopt(slot: Slot, leaseAt: number, clock: () => number): Promise<void> {
  const { state } = slot;
  if (!isLive(slot)) return;
  const look = lookAtRun(slot, clock(), leaseAt);
  if (look.type === 'ended') {
    state.exit_code = exitCodeOf(look.exit);
    state.trouble = verdictOf(look.exit);
    end(slot, look.exit.at);
  } else if (look.type === 'none' && state.run > 0) end(slot, state.restarted_at.at(-1) ?? leaseAt);
  else if (look.type === 'running') {
    slot.run = look.run;
    if (state.port !== null && look.run.child) noteProbe(slot, await probe(state.port, slot.spec.health_path), clock());
  }
}
