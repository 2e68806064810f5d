import { Args } from '@oclif/core';
import { didYouMean } from '../../sdk/near.ts';
import { UsageError } from '../usage-error.ts';
import { isSettingName, type SettingName, settingNames } from './settings.ts';

/** The name of a setting; a hyphen does as well as the underscore of the files. */
export const settingArg = Args.custom<SettingName>({
  description: settingNames.join(', '),
  parse: async (text) => {
    const name = text.replaceAll('-', '_');
    if (isSettingName(name)) return name;
    throw new UsageError(`There is no setting "${text}".${didYouMean(name, settingNames)}`, {
      hint: 'eco config list',
    });
  },
});
