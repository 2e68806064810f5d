import { aliasWarning } from '../aliases.ts';
import { quiet, waitFlags, workloadArg, yes } from '../shared-flags.ts';
import { WorkloadCommand } from '../workload-command.ts';

export default class Terminate extends WorkloadCommand {
  static override summary = 'end a workload for good';
  static override examples = ['<%= config.bin %> <%= command.id %> 142 --yes'];
  static override args = { workload: workloadArg };
  static override flags = { yes, quiet, ...waitFlags };

  async run() {
    const { args, flags } = await this.parse(Terminate);
    const eco = await this.client(flags);
    const { id, ref } = await eco.workloads.get(args.workload);
    const warning = await aliasWarning(eco, id);
    if (warning) this.note(warning);
    await this.confirm(`Terminate ${ref} for good?`, flags);
    return this.settle(eco, await eco.workloads.terminate(id), 'terminated', flags);
  }
}
