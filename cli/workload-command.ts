import type { Eco, Workload, WorkloadState } from '../sdk/index.ts';
import { EcoCommand } from './base.ts';
import { watchUntil } from './waiting.ts';

interface ChangeFlags {
  quiet: boolean;
  wait?: boolean | undefined;
  'wait-timeout': number;
}

/** A command that asks for a change of a workload, and may wait until it is there. */
export abstract class WorkloadCommand extends EcoCommand {
  protected async settle(eco: Eco, changed: Workload, target: WorkloadState, flags: ChangeFlags): Promise<Workload> {
    const workload = flags.wait ? await this.watch(eco, changed.id, [target], flags['wait-timeout']) : changed;
    this.log(flags.quiet ? String(workload.id) : summaryOf(workload, target));
    return workload;
  }

  protected watch(eco: Eco, ref: string | number, states: WorkloadState[], timeoutMs: number): Promise<Workload> {
    return watchUntil(eco, ref, states, {
      timeoutMs,
      signal: this.interruption(),
      note: (text) => this.note(text),
      isScripted: this.jsonEnabled(),
    });
  }
}

/** What it is now, and why. Where that does not reflect the change yet, only that it was asked for. */
function summaryOf(
  { id, ref, state, message, generation, observed_generation }: Workload,
  target: WorkloadState,
): string {
  if (state === target && observed_generation < generation) return `${ref} is being changed. Follow it: eco wait ${id}`;
  return state === target ? `${ref} is ${state}.` : `${ref} is ${state}. ${message}`;
}
