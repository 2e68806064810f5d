import { Flags } from '@oclif/core';
import { REPLICAS_MAX } from '../../sdk/contract/workloads.ts';
import { quiet, waitFlags, workloadArg } from '../shared-flags.ts';
import { WorkloadCommand } from '../workload-command.ts';

export default class Scale extends WorkloadCommand {
  static override summary = 'change the number of replicas in each region';
  static override examples = ['<%= config.bin %> <%= command.id %> my-llama --replicas 3 --wait'];
  static override args = { workload: workloadArg };
  static override flags = {
    replicas: Flags.integer({
      char: 'n',
      required: true,
      min: 1,
      max: REPLICAS_MAX,
      description: 'replicas in each region',
    }),
    quiet,
    ...waitFlags,
  };

  async run() {
    const { args, flags } = await this.parse(Scale);
    const eco = await this.client(flags);
    return this.settle(eco, await eco.workloads.scale(args.workload, flags.replicas), 'running', flags);
  }
}
