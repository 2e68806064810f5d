import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Command, Config } from '@oclif/core';
import { GENERATED, page, table } from './markdown.ts';

const ROOT = new URL('../../', import.meta.url);

/** Every command of `eco` that is not hidden, with its arguments, flags and examples. */
export async function cliPage(): Promise<string> {
  const commands = await loadCommands();
  return page(
    GENERATED,
    '# Command line',
    'Every command also takes `--json` (one document on standard output, also for errors), `--api-url`, `--profile` and `--help`. [Exit codes](exit-codes.md).',
    table(
      ['command', ''],
      commands.map((command) => [`[\`${nameOf(command)}\`](#${anchorOf(command)})`, command.summary ?? '']),
    ),
    ...commands.flatMap(section),
  );
}

async function loadCommands(): Promise<Command.Loadable[]> {
  const pjson = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'));
  pjson.oclif = { ...pjson.oclif, commands: './cli/commands', hooks: {}, plugins: [] };
  const config = new Config({ root: fileURLToPath(ROOT), pjson, ignoreManifest: true });
  await config.load();
  return config.commands.filter(({ hidden }) => !hidden).toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

const nameOf = ({ id }: Command.Loadable) => `eco ${id.replaceAll(':', ' ')}`;
const anchorOf = (command: Command.Loadable) => nameOf(command).replaceAll(' ', '-');

function section(command: Command.Loadable): string[] {
  const args = Object.values(command.args).filter(({ hidden }) => !hidden);
  const flags = Object.values(command.flags).filter(({ hidden, helpGroup }) => !hidden && helpGroup !== 'GLOBAL');
  const usage = [
    nameOf(command),
    ...args.map(({ name, required }) => (required ? name.toUpperCase() : `[${name.toUpperCase()}]`)),
  ];
  return [
    `## ${nameOf(command)}`,
    [sentence(command.summary), command.description].filter(Boolean).join(' '),
    `\`\`\`text\n${[usage.join(' '), ...examplesOf(command).map((example) => `  ${example}`)].join('\n')}\n\`\`\``,
    args.length + flags.length > 0
      ? table(
          ['', ''],
          [
            ...args.map(({ name, description = '' }) => [`\`${name.toUpperCase()}\``, description]),
            ...flags.map((flag) => [`\`${spellingOf(flag)}\``, descriptionOf(flag)]),
          ],
        )
      : '',
  ];
}

const sentence = (text = '') => `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;

function examplesOf(command: Command.Loadable): string[] {
  const examples = command.examples ?? [];
  return examples.map((example) =>
    (typeof example === 'string' ? example : example.command)
      .replaceAll('<%= config.bin %>', 'eco')
      .replaceAll('<%= command.id %>', command.id.replaceAll(':', ' ')),
  );
}

function spellingOf(flag: Command.Flag.Cached): string {
  const short = flag.char ? `-${flag.char}, ` : '';
  if (flag.type === 'boolean') return `${short}--${flag.allowNo ? '[no-]' : ''}${flag.name}`;
  const values = flag.options ? flag.options.join('|') : (flag.helpValue ?? 'value');
  return `${short}--${flag.name} ${Array.isArray(values) ? values.join(' ') : values}${flag.multiple ? ' …' : ''}`;
}

function descriptionOf(flag: Command.Flag.Cached): string {
  const { description, summary, required } = flag;
  const fallback = flag.type === 'option' && typeof flag.default !== 'function' ? flag.default : undefined;
  const parts = [
    summary ?? description ?? '',
    required ? '(needed)' : '',
    fallback === undefined ? '' : `(default \`${fallback}\`)`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}
