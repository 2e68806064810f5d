import { EcoCommand } from '../../base.ts';
import { settingArg } from '../../config/setting-arg.ts';
import { settingText } from '../../config/settings.ts';

export default class ConfigGet extends EcoCommand {
  static override summary = 'print the value of a setting that is in force here';
  static override examples = ['<%= config.bin %> <%= command.id %> profile'];
  static override args = { setting: settingArg({ required: true }) };

  async run() {
    const { args, flags } = await this.parse(ConfigGet);
    const found = this.settings(flags)[args.setting];
    if (found) this.log(settingText(found.value));
    else if (!this.jsonEnabled())
      this.note(`${args.setting} is not set. Set it with: eco config set ${args.setting} …`);
    return { name: args.setting, value: found?.value ?? null, origin: found?.origin ?? null };
  }
}
