import { Args } from '@oclif/core';
import { EcoCommand } from '../../base.ts';
import { yes } from '../../shared-flags.ts';

export default class KeysRevoke extends EcoCommand {
  static override summary = 'revoke an API key at once; requests under way finish';
  static override args = { key: Args.string({ required: true, description: 'id of the key, like key_…' }) };
  static override flags = { yes };

  async run() {
    const { args, flags } = await this.parse(KeysRevoke);
    await this.confirm(`Revoke ${args.key} for good?`, flags);
    const eco = await this.client(flags);
    const key = await eco.keys.revoke(args.key);
    this.log(`Revoked ${key.id} (${key.name}).`);
    return key;
  }
}
