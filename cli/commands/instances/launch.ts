import { Args, Flags } from '@oclif/core';
import { engineNames } from '../../../sdk/contract/instances.ts';
import { Amount, parseMoney } from '../../../sdk/contract/money.ts';
import type { Eco, Quote, Workload } from '../../../sdk/index.ts';
import { askHidden, canAsk, readStdin } from '../../ask.ts';
import { EcoCommand } from '../../base.ts';
import { readEnvFiles } from '../../env-file.ts';
import { type Launch, launchInputOf, readSecrets } from '../../launch-input.ts';
import { dollars } from '../../money.ts';
import { formatQuote } from '../../quote-view.ts';
import { duration, quiet, waitFlags, yes } from '../../shared-flags.ts';
import { isWatched } from '../../terminal.ts';
import { UsageError } from '../../usage-error.ts';
import { watchUntil } from '../../waiting.ts';

const several = { multiple: true, multipleNonGreedy: true } as const;

export default class InstancesLaunch extends EcoCommand {
  static override summary = 'launch an inference instance of a registered model';
  static override description =
    'Shows the price first. Waits until it runs when a person watches; Ctrl-C ends only the waiting.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> my-llama --gpu h100:2 --region eu-1 --region us-2',
    '<%= config.bin %> <%= command.id %> my-llama --dry-run',
    '<%= config.bin %> <%= command.id %> my-llama --engine sglang --arg=--context-length --arg=8192',
    '<%= config.bin %> <%= command.id %> my-llama --image ecolink/sim --env-file app.env --secrets-file secrets.env --yes',
    'HF_TOKEN=… <%= config.bin %> <%= command.id %> my-llama --image my/engine:1 --command "python serve.py" --secret HF_TOKEN --yes --wait',
  ];
  static override presets = ['region', 'gpu'] as const;
  static override args = { model: Args.string({ required: true, description: 'name or id of a registered model' }) };
  static override flags = {
    gpu: Flags.string({ helpValue: 'type:count', description: 'GPUs of each replica, like h100:2' }),
    region: Flags.string({ ...several, description: 'where to run; again for more' }),
    replicas: Flags.integer({ default: 1, min: 1, description: 'replicas in each region' }),
    engine: Flags.option({
      options: engineNames,
      description: 'what serves it; default: the usual one of its category',
    })(),
    image: Flags.string({ description: 'container image; default: that of the engine' }),
    command: Flags.string({ description: 'what to run in place of what the image starts; no shell reads it' }),
    arg: Flags.string({
      ...several,
      description: 'one more argument of the engine, like --arg=--max-model-len --arg=8192',
    }),
    env: Flags.string({
      ...several,
      helpValue: 'NAME[=value]',
      description: 'variable; NAME alone takes the value it has here',
    }),
    'env-file': Flags.string({ ...several, helpValue: 'file', description: 'variables, one NAME=value a line' }),
    secret: Flags.string({
      ...several,
      helpValue: 'NAME',
      description: 'variable kept encrypted; the value comes from the environment or standard input',
    }),
    'secrets-file': Flags.string({ ...several, helpValue: 'file', description: 'variables of a file, kept encrypted' }),
    port: Flags.integer({ min: 1, max: 65_535, description: 'where the container listens' }),
    'health-path': Flags.string({
      description: 'what tells that it is ready; default: that of the engine, else /health',
    }),
    'custom-api-path': Flags.string({ description: 'it is not OpenAI-compatible and answers below this path' }),
    'startup-timeout': duration({ description: 'how long a replica may load' }),
    'max-price': Flags.string({ helpValue: '5.00', description: 'launch nothing that costs more dollars per hour' }),
    'dry-run': Flags.boolean({ description: 'show the price and launch nothing' }),
    yes,
    quiet,
    ...waitFlags,
  };

  async run() {
    const { args, flags } = await this.parse(InstancesLaunch);
    const input = {
      ...launchInputOf(args.model, flags, process.env),
      secrets: {
        ...readEnvFiles(flags['secrets-file'], '--secrets-file'),
        ...(await readSecrets(flags.secret ?? [], process.env, (name) => this.#readSecret(name))),
      },
    };
    const eco = await this.client(flags);
    const quote = await eco.instances.quote(input);
    if (flags['dry-run']) return this.#show(quote);
    if (flags['max-price'] !== undefined) refuseDearer(quote, flags['max-price']);
    const launched = await this.#launch(eco, input, quote, flags);
    const wait = flags.wait ?? isWatched(process.stdout);
    const workload = wait ? await this.#watch(eco, launched, flags['wait-timeout']) : launched;
    this.log(flags.quiet ? String(workload.id) : summaryOf(workload));
    return workload;
  }

  async #launch(eco: Eco, input: Launch, quote: Quote, flags: { yes: boolean; quiet: boolean }): Promise<Workload> {
    if (!flags.quiet) this.note(`${formatQuote(quote)}\n`);
    if (quote.affordable) await this.confirm('Launch it?', flags); // else the launch says what is missing
    const workload = await eco.instances.launch(input);
    if (!flags.quiet) this.note(`Launched ${workload.ref}.`);
    return workload;
  }

  #watch(eco: Eco, { id }: Workload, timeoutMs: number): Promise<Workload> {
    const note = (text: string) => this.note(text);
    const isScripted = this.jsonEnabled();
    return watchUntil(eco, id, ['running'], { timeoutMs, signal: this.interruption(), note, isScripted });
  }

  #show(quote: Quote): Quote {
    this.log(formatQuote(quote));
    return quote;
  }

  async #readSecret(name: string): Promise<string> {
    if (!process.stdin.isTTY) {
      const value = await readStdin();
      if (value !== '') return value;
    }
    if (!canAsk(this.jsonEnabled()))
      throw new UsageError(`--secret ${name}: set ${name} in the environment, or pipe its value in.`);
    return askHidden(`${name}: `);
  }
}

/** Before anything is asked or launched. */
function refuseDearer({ rate_per_hour }: Quote, maxPrice: string): void {
  const max = Amount.safeParse(maxPrice);
  if (!max.success) throw new UsageError(`--max-price: ${maxPrice} is no amount of dollars, like 5.00.`);
  if (parseMoney(rate_per_hour) <= parseMoney(max.data)) return;
  throw new UsageError(
    `This costs ${dollars(rate_per_hour)} per hour, more than --max-price ${maxPrice}. Nothing was launched.`,
    {
      hint: 'eco regions',
    },
  );
}

function summaryOf({ id, ref, state }: Workload): string {
  return state === 'running'
    ? `${ref} is running. Try it: eco chat ${ref} "Hello"`
    : `${ref} is ${state}. Follow it: eco wait ${id}`;
}
