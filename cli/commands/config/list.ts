import { Flags } from '@oclif/core';
import { EcoCommand } from '../../base.ts';
import { settingNames, settings, settingText } from '../../config/settings.ts';
import type { Columns } from '../../table.ts';

interface Row {
  name: string;
  value: string | string[] | null;
  origin: string | null;
}

const columns: Columns<Row & { meaning: string }> = {
  SETTING: ({ name }) => name,
  VALUE: ({ value }) => value && settingText(value as string),
  MEANING: ({ meaning }) => meaning,
};

export default class ConfigList extends EcoCommand {
  static override summary = 'list settings: flag, then variable, then eco.json, then your own';
  static override description =
    'The nearest eco.json from here upwards counts for everybody in the project; it can hold no key. Your own settings are in a file that only you can read.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --show-origin',
  ];
  static override hiddenAliases = ['config:ls'];
  static override flags = {
    'show-origin': Flags.boolean({ description: 'where each value comes from' }),
  };

  async run() {
    const { flags } = await this.parse(ConfigList);
    const found = this.settings(flags);
    const rows = settingNames.map((name) => {
      const { value = null, origin = null } = found[name] ?? {};
      const { meaning, variable } = settings[name];
      return { name, value, origin, meaning: `${meaning} (${variable})` };
    });
    const { MEANING, ...named } = columns;
    this.table(rows, flags['show-origin'] ? { ...named, ORIGIN: ({ origin }) => origin } : columns);
    return { object: 'list' as const, data: rows.map(({ name, value, origin }) => ({ name, value, origin })) };
  }
}
