import { Args } from '@oclif/core';
import { EcoCommand } from '../../base.ts';
import { formatAge } from '../../time.ts';

export default class AliasesShow extends EcoCommand {
  static override summary = 'show where an alias leads';
  static override examples = ['<%= config.bin %> <%= command.id %> assistant'];
  static override args = { alias: Args.string({ required: true, description: 'its name' }) };

  async run() {
    const { args, flags } = await this.parse(AliasesShow);
    const eco = await this.client(flags);
    const alias = await eco.aliases.get(args.alias);
    const { state, message } = await eco.workloads.get(alias.workload_id);
    const { name, ref, updated_at } = alias;
    this.record({ name, 'leads to': ref, since: `${formatAge(updated_at)} ago`, state, message });
    return alias;
  }
}
