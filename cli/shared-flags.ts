import { Args, Flags } from '@oclif/core';
import { parseDuration } from './time.ts';

export const workloadArg = Args.string({ required: true, description: 'id, name:id, or a name that only one has' });

export const duration = Flags.custom<number>({ parse: async (text) => parseDuration(text), helpValue: '10m' });

export const pageFlags = {
  limit: Flags.integer({ default: 50, min: 1, max: 500, description: 'rows to show' }),
  after: Flags.string({ description: 'go on where an earlier page ended' }),
};

export const quiet = Flags.boolean({ char: 'q', description: 'print only the id' });
export const yes = Flags.boolean({ char: 'y', description: 'do not ask' });

export const waitTimeout = duration({
  default: 30 * 60_000,
  defaultHelp: async () => '30m',
  description: 'give up waiting after this time',
});
export const waitFlags = {
  wait: Flags.boolean({ allowNo: true, description: 'wait until it is done' }),
  'wait-timeout': waitTimeout,
};
