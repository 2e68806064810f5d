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
    const text = `${workload.ref} is ${workload.state}.`;
    this.log(flags.quiet ? String(workload.id) : flags.wait ? text : `${text} ${workload.message}`);
    return workload;
  }

  protected watch(eco: Eco, ref: string | number, states: WorkloadState[], timeoutMs: number): Promise<Workload> {
    return watchUntil(eco, ref, states, { timeoutMs, signal: this.interruption(), note: (text) => this.note(text) });
  }
}
