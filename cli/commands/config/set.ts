import { Args } from '@oclif/core';
import { EcoCommand } from '../../base.ts';
import { settingArg } from '../../config/setting-arg.ts';
import { readSettings, settingText } from '../../config/settings.ts';
import { readUserFile, writeUserFile } from '../../config/user-file.ts';

export default class ConfigSet extends EcoCommand {
  static override summary = 'set a setting of your own, for all projects';
  static override examples = [
    '<%= config.bin %> <%= command.id %> region eu-1,us-2',
    '<%= config.bin %> <%= command.id %> output json',
  ];
  static override args = {
    setting: settingArg({ required: true }),
    value: Args.string({ required: true, description: 'what it is from now on; several are separated by commas' }),
  };

  async run() {
    const { args, flags } = await this.parse(ConfigSet);
    const { setting: name } = args;
    const { [name]: value } = readSettings({ [name]: args.value }, () => name);
    const file = readUserFile();
    const path = writeUserFile({ ...file, settings: { ...file.settings, [name]: value } });
    this.log(`${name} is ${settingText(value ?? '')} from now on (${path}).`);
    const found = this.settings(flags)[name];
    if (found && found.origin !== path) this.note(`Here ${found.origin} goes before it: ${settingText(found.value)}.`);
    return { name, value, path };
  }
}
