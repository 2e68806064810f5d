import { Args, loadHelpClass } from '@oclif/core';
import { EcoCommand } from '../base.ts';
import { exitCodes } from '../exit-code.ts';

export default class Help extends EcoCommand {
  static override summary = 'show help of a command, or the exit codes';
  static override examples = ['<%= config.bin %> help instances launch', '<%= config.bin %> help exit-codes'];
  static override args = { command: Args.string({ description: 'a command, or "exit-codes"' }) };
  static override strict = false;

  async run() {
    const { argv } = await this.parse(Help);
    const words = argv.map(String);
    if (words[0] === 'exit-codes') return this.#showExitCodes();
    const HelpClass = await loadHelpClass(this.config);
    await new HelpClass(this.config).showHelp([words.join(':')].filter(Boolean));
  }

  #showExitCodes() {
    const rows = Object.values(exitCodes).map(([code, meaning]) => ({ code, meaning }));
    this.table(rows, { CODE: ({ code }) => code, MEANING: ({ meaning }) => meaning });
    return { object: 'list', data: rows };
  }
}
