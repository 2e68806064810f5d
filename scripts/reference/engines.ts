import { type ModelCategory, modelCategories } from '../../sdk/contract/index.ts';
import type { Engine, EngineLaunch } from '../../server/workloads/engines/engine.ts';
import { defaultEngine, engines } from '../../server/workloads/engines/index.ts';
import { GENERATED, page, table } from './markdown.ts';

/** Printed from the engine table: what a launch starts, and with which arguments. */
export const enginesPage = (): string =>
  page(
    GENERATED,
    '# Engines',
    'An engine is what serves a model. `eco instances launch --engine` names one; without it the image tells, else the category has its usual one. The launch adds the arguments below, then those of `--arg`; `--command` replaces all of it. Any other image is `custom`: it is told `HOST` and `PORT`, and asked for `/health`.',
    '`$(HOST)` and `$(PORT)` are filled in for each replica, in `--arg` and `--command` too. Below they stand for where the engine listens, `org/model` for a Hugging Face repository and `my-model` for the name of the registered model. A token that was registered with the model is in the environment as `HF_TOKEN`.',
    '## Which one for what',
    table(['category', 'usual', 'also'], modelCategories.map(categoryRow)),
    'A category without a usual engine needs `--engine`, `--image` or `--command`. With `--custom-api-path` an engine may be launched for any category: its API passes as it is.',
    '## What each one is',
    table(
      ['engine', 'image', 'program in local regions', 'port', 'health', 'metrics', 'usage in streams'],
      engines.map(engineRow),
    ),
    'Metrics that need a flag get it. Usage in streams: *continuous* engines tell it in every event, so that an aborted stream is counted exactly; *final* ones at the end; *none* have no streams.',
    '## Arguments',
    ...engines.filter(({ name }) => name !== 'sim').map(argumentsOf),
  );

function categoryRow(category: ModelCategory): string[] {
  const usual = defaultEngine(category);
  const also = engines.filter((engine) => engine !== usual && engine.categories.includes(category));
  return [category, usual ? code(usual.name) : 'none', also.map(({ name }) => code(name)).join(', ')];
}

const engineRow = ({ name, image, binary, port, healthPath, metrics, usage }: Engine): string[] => [
  code(name),
  code(image),
  binary === null ? 'comes with the server' : code(binary),
  String(port),
  code(healthPath),
  metrics === null ? 'none' : `${code(metrics.path)}${metrics.flag === null ? '' : `, by ${code(metrics.flag)}`}`,
  usage,
];

function argumentsOf(engine: Engine): string {
  const { name, entry, note, env, gpusMax, categories } = engine;
  const [first = 'chat', ...others] = categories;
  const plain = argsFor(engine, { category: first });
  const variants: [string, string[]][] = [
    ...(gpusMax > 1 ? [['2 GPUs', argsFor(engine, { category: first, gpus: 2 })] satisfies [string, string[]]] : []),
    ...others.map((category): [string, string[]] => [category, argsFor(engine, { category })]),
  ];
  const more = variants.filter(([, args]) => args.join(' ') !== plain.join(' '));
  const lines = [plain.join(' '), ...more.map(([what, args]) => `${args.join(' ')}   # ${what}`)];
  const variables = Object.entries(env).map(([key, value]) => code(`${key}=${value}`));
  return [
    `### ${name}`,
    `\`\`\`text\n${lines.join('\n')}\n\`\`\``,
    ...(entry.length > 0 ? [`Its image is started with ${code(entry.join(' '))} in place of its entry point.`] : []),
    ...(variables.length > 0 ? [`In its environment: ${variables.join(', ')}.`] : []),
    ...(gpusMax === 1 ? ['One GPU for each replica.'] : []),
    ...(note === null ? [] : [note]),
  ].join('\n\n');
}

const argsFor = (engine: Engine, launch: Pick<EngineLaunch, 'category'> & Partial<EngineLaunch>): string[] =>
  engine.args({
    source: { type: 'huggingface', repo: 'org/model', revision: 'main' },
    servedName: 'my-model',
    gpus: 1,
    host: '$(HOST)',
    port: '$(PORT)',
    ...launch,
  });

const code = (text: string) => `\`${text}\``;
