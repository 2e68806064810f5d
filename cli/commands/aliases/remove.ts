import { Args } from '@oclif/core';
import { EcoCommand } from '../../base.ts';

export default class AliasesRemove extends EcoCommand {
  static override summary = 'remove an alias; its instance goes on';
  static override examples = ['<%= config.bin %> <%= command.id %> assistant'];
  static override args = { alias: Args.string({ required: true, description: 'its name' }) };

  async run() {
    const { args, flags } = await this.parse(AliasesRemove);
    const eco = await this.client(flags);
    const alias = await eco.aliases.remove(args.alias);
    this.log(`Removed ${alias.name}; ${alias.ref} goes on.`);
    return alias;
  }
}
