import { quiet, waitFlags, workloadArg } from '../shared-flags.ts';
import { WorkloadCommand } from '../workload-command.ts';

export default class Resume extends WorkloadCommand {
  static override summary = 'start a stopped or failed workload again, with a new hold';
  static override examples = ['<%= config.bin %> <%= command.id %> 142 --wait'];
  static override args = { workload: workloadArg };
  static override flags = { quiet, ...waitFlags };

  async run() {
    const { args, flags } = await this.parse(Resume);
    const eco = await this.client(flags);
    return this.settle(eco, await eco.workloads.resume(args.workload), 'running', flags);
  }
}
