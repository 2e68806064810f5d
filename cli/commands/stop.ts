import { aliasWarning } from '../aliases.ts';
import { quiet, waitFlags, workloadArg } from '../shared-flags.ts';
import { WorkloadCommand } from '../workload-command.ts';

export default class Stop extends WorkloadCommand {
  static override summary = 'release the GPUs of a workload; the unused part of its hold comes back';
  static override examples = ['<%= config.bin %> <%= command.id %> 142 --wait'];
  static override args = { workload: workloadArg };
  static override flags = { quiet, ...waitFlags };

  async run() {
    const { args, flags } = await this.parse(Stop);
    const eco = await this.client(flags);
    const stopping = await eco.workloads.stop(args.workload);
    const warning = await aliasWarning(eco, stopping.id);
    if (warning) this.note(warning);
    return this.settle(eco, stopping, 'stopped', flags);
  }
}
