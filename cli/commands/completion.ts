import { Args } from '@oclif/core';
import { EcoCommand } from '../base.ts';
import { completionScripts, type Shell } from '../complete/scripts.ts';

export default class Completion extends EcoCommand {
  static override summary = 'print what a shell needs to complete eco, names of your things included';
  static override description =
    'Names are asked from the server in force and kept for a minute. bash and zsh: put eval "$(eco completion bash)" into ~/.bashrc or ~/.zshrc.';
  static override examples = [
    'eval "$(<%= config.bin %> <%= command.id %> bash)"',
    '<%= config.bin %> <%= command.id %> fish > ~/.config/fish/completions/eco.fish',
  ];
  static override args = {
    shell: Args.string({ required: true, options: Object.keys(completionScripts), description: 'which shell' }),
  };

  async run() {
    const { args } = await this.parse(Completion);
    const script = completionScripts[args.shell as Shell];
    if (!super.jsonEnabled()) process.stdout.write(script);
    return { shell: args.shell, script };
  }
}
