import { Args, Flags } from '@oclif/core';
import { grantableScopes } from '../../../sdk/contract/endpoint.ts';
import { EcoCommand } from '../../base.ts';
import { duration } from '../../shared-flags.ts';

const several = { multiple: true, multipleNonGreedy: true } as const;

export default class KeysCreate extends EcoCommand {
  static override summary = 'create an API key; it is shown once';
  static override examples = [
    '<%= config.bin %> <%= command.id %> ci --scope inference --spend-cap 5.00 --expires 30d',
  ];
  static override args = { name: Args.string({ required: true, description: 'what it is for' }) };
  static override flags = {
    scope: Flags.option({
      ...several,
      options: grantableScopes,
      description: 'what it may do; again for more; default: all',
    })(),
    model: Flags.string({ ...several, description: 'model it may call; again for more; default: all' }),
    'spend-cap': Flags.string({ helpValue: '5.00', description: 'dollars it may spend on requests, in all' }),
    expires: duration({ helpValue: '30d', description: 'when it ends' }),
    quiet: Flags.boolean({ char: 'q', description: 'print only the key' }),
  };

  async run() {
    const { args, flags } = await this.parse(KeysCreate);
    const eco = await this.client(flags);
    const key = await eco.keys.create({
      name: args.name,
      scopes: flags.scope,
      allowed_models: flags.model,
      spend_cap: flags['spend-cap'],
      expires_at: flags.expires === undefined ? undefined : Date.now() + flags.expires,
    });
    if (!flags.quiet) this.note(`Created ${key.id} (${key.name}). This is the only time that the key is shown:`);
    this.log(key.secret);
    return key;
  }
}
