import { Flags } from '@oclif/core';
import { EcoCommand } from '../base.ts';
import { workloadArg } from '../shared-flags.ts';

export default class Extend extends EcoCommand {
  static override summary = 'buy more hours for a GPU instance or cluster';
  static override examples = ['<%= config.bin %> <%= command.id %> 142 --hours 24'];
  static override args = { workload: workloadArg };
  static override flags = { hours: Flags.integer({ required: true, min: 1, max: 8760, description: 'how many more' }) };

  async run() {
    const { args, flags } = await this.parse(Extend);
    const eco = await this.client(flags);
    const workload = await eco.workloads.extend(args.workload, flags.hours);
    this.log(`${workload.ref} has ${flags.hours} more h.`);
    return workload;
  }
}
