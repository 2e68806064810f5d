import { type Command, CommandHelp, Help, type Interfaces } from '@oclif/core';

const ORDER = ['EXAMPLES', 'USAGE', 'ARGUMENTS', 'FLAGS', 'DESCRIPTION'];
const GLOBAL = 'GLOBAL';

class EcoCommandHelp extends CommandHelp {
  protected override sections() {
    const byHeader = new Map(super.sections().map((section) => [section.header, section]));
    return ORDER.flatMap((header) => byHeader.get(header) ?? []);
  }

  protected override examples(examples: Command.Example[] | undefined | string): string | undefined {
    return super.examples(examples)?.replaceAll('\n\n', '\n');
  }

  protected override defaultUsage(): string {
    const { id, args = {}, flags = {} } = this.command;
    const own = Object.entries(flags).filter(([, { hidden, helpGroup }]) => !hidden && helpGroup !== GLOBAL);
    const required = own.filter(([, { required }]) => required).map(([name]) => `--${name}=…`);
    const positional = Object.values(args).map((arg) => this.arg(arg));
    return [id, ...positional, ...required, ...(own.length > required.length ? ['[FLAGS]'] : [])].join(' ');
  }

  protected override flags(flags: Command.Flag.Any[]): [string, string | undefined][] | undefined {
    if (flags[0]?.helpGroup !== GLOBAL) return super.flags(flags);
    return [[flags.map((flag) => this.flagHelpLabel(flag)).join('  '), undefined]];
  }

  protected override flagHelpLabel(flag: Command.Flag.Any, showOptions?: boolean): string {
    const { options } = flag as { options?: readonly string[] };
    const short =
      options && !('helpValue' in flag && flag.helpValue) ? { ...flag, options: [], helpValue: 'value' } : flag;
    return super.flagHelpLabel(short as Command.Flag.Any, showOptions).trim();
  }
}

/** Help that fits a screen: examples first, each flag on a line, those of every command in one. Named in package.json. */
export default class EcoHelp extends Help {
  protected override CommandHelpClass = EcoCommandHelp;

  constructor(config: Interfaces.Config, options: Partial<Interfaces.HelpOptions> = {}) {
    super(config, { ...options, hideCommandSummaryInDescription: true, flagSortOrder: 'none' });
  }
}
