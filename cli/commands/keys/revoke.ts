import { Args } from '@oclif/core';
import type { Eco, Key } from '../../../sdk/index.ts';
import { EcoCommand } from '../../base.ts';
import { yes } from '../../shared-flags.ts';

export default class KeysRevoke extends EcoCommand {
  static override summary = 'revoke an API key at once; requests under way finish';
  static override examples = ['<%= config.bin %> <%= command.id %> key_… --yes'];
  static override hiddenAliases = ['keys:rm'];
  static override args = { key: Args.string({ required: true, description: 'id of the key, like key_…' }) };
  static override flags = { yes };

  async run() {
    const { args, flags } = await this.parse(KeysRevoke);
    const eco = await this.client(flags);
    const { name, last_four } = await getKey(eco, args.key);
    await this.confirm(`Revoke ${args.key} (${name}, …${last_four}) for good?`, flags);
    const key = await eco.keys.revoke(args.key);
    this.log(`Revoked ${key.id} (${key.name}).`);
    return key;
  }
}

/** Looks before asking: nobody should confirm what is not there. */
async function getKey(eco: Eco, id: string): Promise<Key> {
  for await (const key of eco.keys.list()) if (key.id === id) return key;
  const { EcoError } = await import('../../../sdk/index.ts');
  throw new EcoError('not_found', `No key "${id}".`, { param: 'key_id', hint: 'eco keys list' });
}
