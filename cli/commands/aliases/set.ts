import { Args } from '@oclif/core';
import { EcoCommand } from '../../base.ts';
import { workloadArg } from '../../shared-flags.ts';

export default class AliasesSet extends EcoCommand {
  static override summary = 'lead a name to a running instance: callers write it as their model';
  static override description =
    'Requests that come from now on go to the instance; those under way end where they are. Older instances go on.';
  static override examples = ['<%= config.bin %> <%= command.id %> assistant my-llama:142'];
  static override args = {
    alias: Args.string({ required: true, description: 'lower-case letters, digits and "-"' }),
    instance: workloadArg,
  };

  async run() {
    const { args, flags } = await this.parse(AliasesSet);
    const eco = await this.client(flags);
    const alias = await eco.aliases.set(args.alias, args.instance);
    this.log(`${alias.name} leads to ${alias.ref}.`);
    return alias;
  }
}
