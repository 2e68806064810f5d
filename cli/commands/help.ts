import { Args, loadHelpClass } from '@oclif/core';
import { didYouMean } from '../../sdk/near.ts';
import { EcoCommand } from '../base.ts';
import { exitCodeOf, exitCodes } from '../exit-code.ts';
import { UsageError } from '../usage-error.ts';

export default class Help extends EcoCommand {
  static override summary = 'show help of a command, an error code, a reason, or the exit codes';
  static override examples = [
    '<%= config.bin %> help instances launch',
    '<%= config.bin %> help no_capacity',
    '<%= config.bin %> help exit-codes',
  ];
  static override args = {
    command: Args.string({ description: 'a command, an error code, a reason of a state, or "exit-codes"' }),
  };
  static override strict = false;

  async run() {
    const { argv } = await this.parse(Help);
    const words = argv.map(String);
    const [word = ''] = words;
    if (word === 'exit-codes') return this.#showExitCodes();
    const found = await explanationsOf(word);
    if (found.length > 0) return this.#explain(word, found);
    const id = words.join(':');
    if (id !== '' && !this.config.findCommand(id) && !this.config.findTopic(id))
      throw await this.#unknown(words.join(' '));
    const HelpClass = await loadHelpClass(this.config);
    await new HelpClass(this.config).showHelp([id].filter(Boolean));
    return undefined;
  }

  async #unknown(wanted: string): Promise<UsageError> {
    const { clientHelp, errorHelp, reasonHelp } = await import('../../sdk/contract/error-help.ts');
    const commands = this.config.commandIDs.map((each) => each.replaceAll(':', ' '));
    const names = new Set([...commands, ...Object.keys({ ...errorHelp, ...clientHelp, ...reasonHelp })]);
    const near = didYouMean(wanted, names);
    return new UsageError(`No command, error code or reason "${wanted}".${near}`, { hint: 'eco --help' });
  }

  #showExitCodes() {
    const rows = Object.values(exitCodes).map(([code, meaning]) => ({ code, meaning }));
    this.table(rows, { CODE: ({ code }) => code, MEANING: ({ meaning }) => meaning });
    return { object: 'list', data: rows };
  }

  /** Of a word that an error or a state has told. */
  #explain(word: string, found: Explanation[]) {
    for (const { what, cause, next } of found) this.record({ [word]: what, cause, next });
    return { object: 'help', word, meanings: found };
  }
}

interface Explanation {
  what: string;
  cause: string;
  next: string;
}

/** Some words are both: an error of a launch, and the reason why something waits. */
async function explanationsOf(word: string): Promise<Explanation[]> {
  const { clientHelp, errorHelp, reasonHelp } = await import('../../sdk/contract/error-help.ts');
  const { errorCodes } = await import('../../sdk/contract/errors.ts');
  const of = <T extends object>(table: T) => (Object.hasOwn(table, word) ? table[word as keyof T] : undefined);
  const [status = 0] = of(errorCodes) ?? [];
  const exit = exitCodeOf({ code: word, status });
  const answer = status > 0 ? `HTTP ${status}, ` : '';
  const error = of(errorHelp) ?? of(clientHelp);
  const reason = of(reasonHelp);
  return [
    ...(error ? [{ what: `an error: ${answer}eco ends with ${exit}`, ...error }] : []),
    ...(reason ? [{ what: 'a reason for the state of a workload', ...reason }] : []),
  ];
}
