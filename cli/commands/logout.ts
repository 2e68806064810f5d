import { EcoCommand } from '../base.ts';
import { profileName, removeProfile } from '../config/profiles.ts';

export default class Logout extends EcoCommand {
  static override summary = 'forget the login in force; its key stays valid';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --profile prod',
  ];

  async run() {
    const { flags } = await this.parse(Logout);
    const profile = profileName(flags.profile);
    const removed = removeProfile(profile);
    this.log(removed ? `Logged out: "${profile}" is forgotten.` : `There was no login "${profile}".`);
    if (process.env.ECO_API_KEY && !this.jsonEnabled()) this.note('ECO_API_KEY is still set, and is used.');
    return { profile, removed };
  }
}
