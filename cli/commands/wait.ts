import { Flags } from '@oclif/core';
import { quiet, waitTimeout, workloadArg } from '../shared-flags.ts';
import { WorkloadCommand } from '../workload-command.ts';

export default class Wait extends WorkloadCommand {
  static override summary = 'wait until a workload is running, stopped or terminated';
  static override description = 'Exit code 8 if it can no longer get there by itself, 124 when the time is up.';
  static override examples = ['<%= config.bin %> <%= command.id %> my-llama --wait-timeout 20m'];
  static override args = { workload: workloadArg };
  static override flags = {
    for: Flags.option({
      options: ['running', 'stopped', 'terminated'] as const,
      default: 'running',
      description: 'what to wait for',
    })(),
    'wait-timeout': waitTimeout,
    quiet,
  };

  async run() {
    const { args, flags } = await this.parse(Wait);
    const eco = await this.client(flags);
    const workload = await this.watch(eco, args.workload, [flags.for], flags['wait-timeout']);
    this.log(flags.quiet ? String(workload.id) : `${workload.ref} is ${workload.state}.`);
    return workload;
  }
}
