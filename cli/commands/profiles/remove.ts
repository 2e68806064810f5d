import { EcoCommand } from '../../base.ts';
import { profileArg } from '../../config/profile-arg.ts';
import { removeProfile } from '../../config/profiles.ts';
import { yes } from '../../shared-flags.ts';

export default class ProfilesRemove extends EcoCommand {
  static override summary = 'forget a stored login; its key stays valid';
  static override examples = ['<%= config.bin %> <%= command.id %> old --yes'];
  static override hiddenAliases = ['profiles:rm'];
  static override args = { name: profileArg({ required: true }) };
  static override flags = { yes };

  async run() {
    const { args, flags } = await this.parse(ProfilesRemove);
    await this.confirm(`Forget the login "${args.name}"? Its key was shown once.`, flags);
    removeProfile(args.name);
    this.log(`The login "${args.name}" is forgotten. End its key with: eco keys revoke`);
    return { profile: args.name, removed: true };
  }
}
