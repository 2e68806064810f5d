import { Flags } from '@oclif/core';
import { workloadKinds, workloadStates } from '../../sdk/contract/workloads.ts';
import { EcoCommand } from '../base.ts';
import { pageFlags } from '../shared-flags.ts';
import { workloadColumns } from '../workload-view.ts';

export default class Ps extends EcoCommand {
  static override summary = 'list workloads of every kind';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --all',
    '<%= config.bin %> <%= command.id %> -q --state failed',
  ];
  static override flags = {
    ...pageFlags,
    all: Flags.boolean({ char: 'a', description: 'terminated ones too' }),
    kind: Flags.option({ options: workloadKinds, description: 'only this kind' })(),
    state: Flags.option({ options: workloadStates, description: 'only those in this state' })(),
    quiet: Flags.boolean({ char: 'q', description: 'print only ids' }),
  };

  async run() {
    const { flags } = await this.parse(Ps);
    const { limit, after, all, kind, state } = flags;
    const eco = await this.client(flags);
    const page = await eco.workloads.list({ limit, after, all, kind, state });
    if (!flags.quiet || this.jsonEnabled())
      return this.showPage(page, workloadColumns, 'Nothing is there. Launch something: eco instances launch --help');
    for (const { id } of page.data) this.log(String(id));
    return page;
  }
}
