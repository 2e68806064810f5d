import { EcoCommand } from '../../base.ts';
import { settingArg } from '../../config/setting-arg.ts';
import { readUserFile, writeUserFile } from '../../config/user-file.ts';

export default class ConfigUnset extends EcoCommand {
  static override summary = 'forget a setting of your own';
  static override examples = ['<%= config.bin %> <%= command.id %> region'];
  static override hiddenAliases = ['config:rm'];
  static override args = { setting: settingArg({ required: true }) };

  async run() {
    const { args } = await this.parse(ConfigUnset);
    const { setting: name } = args;
    const file = readUserFile();
    const { [name]: earlier, ...rest } = file.settings;
    const path = writeUserFile({ ...file, settings: rest });
    this.log(earlier === undefined ? `${name} was not set in ${path}.` : `${name} is no longer set in ${path}.`);
    return { name, value: null, path };
  }
}
