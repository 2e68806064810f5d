import { Flags } from '@oclif/core';
import type { WorkloadEvent } from '../../sdk/index.ts';
import { EcoCommand } from '../base.ts';
import { pageFlags, workloadArg } from '../shared-flags.ts';
import type { Columns } from '../table.ts';
import { formatAge, formatClock } from '../time.ts';

const columns: Columns<WorkloadEvent> = {
  AGE: ({ at }) => formatAge(at),
  TYPE: ({ type }) => type,
  REASON: ({ reason }) => reason,
  BY: ({ actor }) => actor,
  MESSAGE: ({ message }) => message,
};

export default class Events extends EcoCommand {
  static override summary = 'show what happened to a workload and why, newest first';
  static override examples = [
    '<%= config.bin %> <%= command.id %> 142',
    '<%= config.bin %> <%= command.id %> my-llama -f',
  ];
  static override args = { workload: workloadArg };
  static override flags = {
    ...pageFlags,
    follow: Flags.boolean({ char: 'f', description: 'all of them, oldest first, and go on as they happen' }),
  };

  async run() {
    const { args, flags } = await this.parse(Events);
    const eco = await this.client(flags);
    if (!flags.follow)
      return this.showPage(
        await eco.workloads.events(args.workload, { limit: flags.limit, after: flags.after }),
        columns,
        'No events.',
      );
    const events = eco.workloads.followEvents(args.workload, {}, { signal: this.interruption() });
    for await (const event of events) this.showLine(event, textOf(event));
    return undefined;
  }
}

const textOf = ({ at, type, reason, message }: WorkloadEvent) => `${formatClock(at)}  ${type}  ${reason}  ${message}`;
