import { Flags } from '@oclif/core';
import { workloadStates } from '../../../sdk/contract/workloads.ts';
import { EcoCommand } from '../../base.ts';
import { pageFlags } from '../../shared-flags.ts';
import { workloadColumns } from '../../workload-view.ts';

export default class InstancesList extends EcoCommand {
  static override summary = 'list inference instances';
  static override examples = ['<%= config.bin %> <%= command.id %>'];
  static override hiddenAliases = ['instances:ls'];
  static override flags = {
    ...pageFlags,
    state: Flags.option({ options: workloadStates, description: 'only those in this state' })(),
    model: Flags.string({ description: 'only those of this model' }),
  };

  async run() {
    const { flags } = await this.parse(InstancesList);
    const { limit, after, state, model } = flags;
    const eco = await this.client(flags);
    const page = await eco.instances.list({ limit, after, state, model });
    return this.showPage(page, workloadColumns, 'No instances. Launch one: eco instances launch --help');
  }
}
