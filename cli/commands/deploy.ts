import { Flags } from '@oclif/core';
import type { Alias, Eco, Quote } from '../../sdk/index.ts';
import { canAsk } from '../ask.ts';
import { EcoCommand } from '../base.ts';
import { DeployFile, deploySchema } from '../deploy/deploy-file.ts';
import type { DeployPlan } from '../deploy/deploying.ts';
import { annotationOf, writeOutputs } from '../deploy/github.ts';
import { openInterruption } from '../deploy/interruption.ts';
import { type Plan, planDeploy } from '../deploy/plan.ts';
import { planLines } from '../deploy/plan-text.ts';
import { quoteFor } from '../deploy/price.ts';
import { runDeploy } from '../deploy/run-deploy.ts';
import { see } from '../deploy/see.ts';
import { Undo } from '../deploy/undo.ts';
import { wishOf } from '../deploy/wish.ts';
import { readYamlFile } from '../deploy/yaml-file.ts';
import { readEnvFiles } from '../env-file.ts';
import { exitCodes } from '../exit-code.ts';
import { formatQuote } from '../quote-view.ts';
import { waitTimeout, yes } from '../shared-flags.ts';
import { formatClock } from '../time.ts';

export default class Deploy extends EcoCommand {
  static override summary = 'bring what a file says into service under a name that stays, without a failed request';
  static override description =
    'Launches the next instance, waits until it runs and answers a call, moves the name to it, then ends the old one. ' +
    'Whatever fails before the name has moved leaves the old one serving.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> -f eco.yaml --dry-run',
    '<%= config.bin %> <%= command.id %> -f eco.yaml --json',
    '<%= config.bin %> <%= command.id %> --schema > eco.schema.json',
  ];
  static override flags = {
    file: Flags.string({ char: 'f', default: 'eco.yaml', description: 'what to deploy' }),
    'env-file': Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      description: 'file of variables, beside those of the environment, which go first; again for more',
    }),
    'dry-run': Flags.boolean({ description: 'show the steps and the price, and change nothing' }),
    force: Flags.boolean({ description: 'launch anew even if nothing has changed' }),
    'keep-failed': Flags.boolean({ description: 'leave a new instance that failed for a look at it' }),
    schema: Flags.boolean({ description: 'print the JSON schema of the file, for editors' }),
    yes,
    'wait-timeout': waitTimeout,
  };

  async run() {
    const { flags } = await this.parse(Deploy);
    if (flags.schema) return this.#showSchema();
    const env = { ...readEnvFiles(flags['env-file']), ...process.env };
    const wish = wishOf(await readYamlFile(flags.file, DeployFile, env), env);
    const eco = await this.client(flags);
    const undo = new Undo();
    using interruption = openInterruption(() => this.#endAtOnce(undo));
    const { signal } = interruption;
    const plan = planDeploy(wish, await see(eco, wish, signal), flags);
    if (plan.type === 'unchanged') return this.#finish(eco, plan.alias, plan);
    if (flags['dry-run']) return this.#show(plan, await quoteFor(eco, wish, signal));
    if (canAsk(this.jsonEnabled()) && !flags.yes) await this.#ask(plan, await quoteFor(eco, wish, signal), flags);
    const note = (text: string) => this.note(`${formatClock(Date.now())}  ${text}`);
    const rest = { waitTimeoutMs: flags['wait-timeout'], keepFailed: flags['keep-failed'] };
    return this.#finish(eco, await runDeploy({ eco, undo, note, signal, ...rest }, plan), plan);
  }

  async #finish(eco: Eco, { name: alias, workload_id, ref }: Alias, plan: Plan) {
    await writeOutputs({ ref, 'workload-id': workload_id });
    const isNew = plan.type === 'deploy';
    this.log(isNew ? `${alias} is deployed: ${ref}.` : planLines(plan).join('\n'));
    if (isNew && plan.wish.model.category === 'chat') this.note(`Try it: eco chat ${alias} "Hello"`);
    const previous = isNew ? (plan.previous?.id ?? null) : workload_id;
    const model = isNew ? plan.wish.model.name : plan.model;
    return { alias, workload_id, ref, previous, url: `${eco.baseUrl}/v1`, model, changed: isNew };
  }

  #show(plan: DeployPlan, quote: Quote) {
    const steps = planLines(plan);
    this.log(`${steps.map((line, at) => `${at + 1}. ${line}`).join('\n')}\n\n${formatQuote(quote)}`);
    return { steps, quote };
  }

  async #ask(plan: DeployPlan, quote: Quote, flags: { yes: boolean }): Promise<void> {
    this.note(`${planLines(plan).join('\n')}\n\n${formatQuote(quote)}\n`);
    await this.confirm('Deploy it?', flags);
  }

  #showSchema(): object {
    const schema = deploySchema();
    if (!this.jsonEnabled()) this.log(JSON.stringify(schema, undefined, 2));
    return schema;
  }

  #endAtOnce(undo: Undo): never {
    const left = undo.commands.map((command) => `\n  ${command}`).join('');
    this.note(left === '' ? 'Ended at once.' : `Ended at once. Put back what is left with:${left}`);
    return process.exit(exitCodes.interrupted[0]);
  }

  protected override async catch(error: Error): Promise<void> {
    const annotation = annotationOf(error);
    if (annotation !== undefined) this.note(annotation);
    return super.catch(error);
  }
}
