import type { Hook } from '@oclif/core';
import { didYouMean } from '../sdk/near.ts';
import { failureDocument, failureOf, formatFailure } from './failure.ts';
import { UsageError } from './usage-error.ts';

/** An unknown command: the nearest ones, on a terminal as in a pipe, and exit code 2. */
const hook: Hook.CommandNotFound = async ({ id, argv = [], config }) => {
  const wanted = id.replaceAll(':', ' ');
  const known = [...config.commands, ...config.topics.map(({ name }) => ({ id: name, hidden: false }))];
  const names = known.filter(({ hidden }) => !hidden).map((each) => each.id.replaceAll(':', ' '));
  const failure = failureOf(
    new UsageError(`No command "${wanted}".${nearest(wanted, names)}`, { hint: 'eco --help' }),
    wanted,
  );
  process.exitCode = failure.exitCode;
  if (argv.includes('--json')) process.stdout.write(failureDocument(failure));
  else process.stderr.write(formatFailure(failure));
};

export default hook;

/** What follows a command are its arguments, so a name is compared with as many words as it has itself; most words first. */
function nearest(wanted: string, names: string[]): string {
  const words = wanted.split(' ');
  for (let count = words.length; count > 0; count--) {
    const sameLength = names.filter((name) => name.split(' ').length === count);
    const found = didYouMean(words.slice(0, count).join(' '), new Set(sameLength));
    if (found !== '') return found;
  }
  return '';
}
