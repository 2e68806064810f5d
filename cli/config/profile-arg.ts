import { Args } from '@oclif/core';
import { didYouMean } from '../../sdk/near.ts';
import { UsageError } from '../usage-error.ts';
import { readUserFile } from './user-file.ts';

/** The name of a stored login. */
export const profileArg = Args.custom<string>({
  description: 'name of a stored login',
  parse: async (name) => {
    const { profiles } = readUserFile();
    if (Object.hasOwn(profiles, name)) return name;
    const near = didYouMean(name, Object.keys(profiles));
    throw new UsageError(`There is no login "${name}".${near}`, { hint: `eco login --profile ${name}` });
  },
});
