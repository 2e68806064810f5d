import { EcoCommand } from '../../base.ts';
import { profileArg } from '../../config/profile-arg.ts';
import { readUserFile, writeUserFile } from '../../config/user-file.ts';

export default class ProfilesUse extends EcoCommand {
  static override summary = 'use a stored login from now on';
  static override examples = ['<%= config.bin %> <%= command.id %> prod'];
  static override args = { name: profileArg({ required: true }) };

  async run() {
    const { args, flags } = await this.parse(ProfilesUse);
    const file = readUserFile();
    const api_url = file.profiles[args.name]?.api_url;
    writeUserFile({ ...file, settings: { ...file.settings, profile: args.name } });
    this.log(`"${args.name}" (${api_url}) is used from now on.`);
    const { profile } = this.settings(flags);
    if (profile?.value !== args.name) this.note(`Here ${profile?.origin} goes before it: ${profile?.value}.`);
    return { profile: args.name, api_url };
  }
}
