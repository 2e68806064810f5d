import { type Column, columns, highlights } from './columns.ts';
import { isQuiet, NOISY_CORES, type Result, type Run } from './result.ts';

type Scenario = Result['scenarios'][number];

/** A benchmark as Markdown: a summary, then one table a scenario. */
export function tables(result: Result): string {
  return [headline(result), summary(result), ...result.scenarios.map((scenario) => table(scenario, result))].join('\n');
}

function headline({ date, machine, options, gateways, runs }: Result): string {
  const versions = gateways.filter(({ version }) => version).map(({ name, version }) => `${name} ${version}`);
  const rounds = new Set(runs.map(({ round }) => round)).size;
  return (
    `${date.slice(0, 10)}, ${machine.cores} × ${machine.cpu}, ${machine.memory_gb} GB, Linux ${machine.kernel}; ` +
    `medians of ${rounds} interleaved rounds, windows of ${options.seconds} s. ${versions.join(', ')}.\n`
  );
}

function summary({ runs, gateways, scenarios, options }: Result): string {
  const references = gateways.some(({ name }) => name === options.base) ? [options.base] : [];
  const picked = highlights.flatMap(([name, title, heading]) => {
    const scenario = scenarios.find((candidate) => candidate.name === name);
    const column = scenario && columns[scenario.kind].find((candidate) => candidate.title === title);
    return column ? [{ column, heading, runs: trusted(runs, name) }] : [];
  });
  if (picked.length === 0) return '';
  const titles = ['gateway', ...picked.flatMap(({ column, heading }) => withRatios(heading, column, references))];
  const rows = gateways.map(({ name }) => [
    name,
    ...picked.flatMap((pick) => cells(pick.column, { name, runs: pick.runs, references })),
  ]);
  return markdown(titles, rows);
}

function table(scenario: Scenario, { runs, gateways, options }: Result): string {
  const here = trusted(runs, scenario.name);
  const names = gateways.map(({ name }) => name).filter((name) => of(name, here).length > 0);
  const references = [options.base, options.peer].filter((name) => names.includes(name));
  const shown = columns[scenario.kind];
  const titles = ['gateway', ...shown.flatMap((column) => withRatios(column.title, column, references))];
  const rows = names.map((name) => [
    name,
    ...shown.flatMap((column) => cells(column, { name, runs: here, references })),
    format(median(of(name, here).map((run) => run.rss_mb_peak || Number.NaN)), 0),
    errors(of(name, here)),
  ]);
  const limited = (scenario.wanted ?? 0) > scenario.connections;
  const title = limited ? `${scenario.name} (${scenario.connections}: descriptor limit)` : scenario.name;
  return [`### ${title}\n`, markdown([...titles, 'RSS peak MB', 'errors'], rows), ...notes(here)].join('\n');
}

const withRatios = (title: string, { ratio }: Column, references: readonly string[]) => [
  title,
  ...(ratio ? references.map((name) => `× ${name}`) : []),
];

interface Row {
  name: string;
  runs: readonly Run[];
  references: readonly string[];
}

/** The median over the rounds, and the median of the ratios within a round. */
function cells({ value, digits, ratio, bound }: Column, { name, runs, references }: Row): string[] {
  const at = (who: string, round: number) => of(who, runs).find((run) => run.round === round);
  const measure = (run: Run | undefined) =>
    run ? value(run, at('direct', run.round) ?? of('direct', runs)[0]) : Number.NaN;
  const mine = of(name, runs);
  const middle = median(mine.map(measure));
  const ratioTo = (reference: string) => {
    const within = median(mine.map((run) => measure(run) / measure(at(reference, run.round))));
    return within || middle / median(of(reference, runs).map(measure)); // no round was quiet for both
  };
  const mark = bound && median(mine.map(rigBusy)) > RIG_BUSY ? '†' : '';
  return [
    format(middle, digits) + mark,
    ...(ratio ? references.map((reference) => format(ratioTo(reference), 2)) : []),
  ];
}

const of = (name: string, runs: readonly Run[]) => runs.filter((run) => run.gateway === name);

/** Noisy runs count only for a gateway that has no quiet one. */
function trusted(runs: readonly Run[], scenario: string): Run[] {
  const here = runs.filter((run) => run.scenario === scenario);
  return here.filter((run) => isQuiet(run) || !of(run.gateway, here).some(isQuiet));
}

const RIG_BUSY = 0.95;
const rigBusy = ({ gateway, cpu_s, secs }: Run) =>
  gateway === 'direct' ? 0 : (cpu_s.upstream + cpu_s.generator) / secs;

function errors(runs: readonly Run[]): string {
  const sums = new Map<string, number>();
  for (const { errors } of runs) {
    const { status, total: _, ...kinds } = errors;
    for (const [kind, n] of [...Object.entries(kinds), ...Object.entries(status)])
      if (n > 0) sums.set(kind, (sums.get(kind) ?? 0) + n);
  }
  return [...sums].map(([kind, n]) => `${n} ${kind}`).join(', ') || '0';
}

const ERROR_CHARS_MAX = 160;

function notes(runs: readonly Run[]): string[] {
  const noisy = [...new Set(runs.filter((run) => !isQuiet(run)).map(({ gateway }) => gateway))];
  const first = new Map(
    runs.flatMap(({ gateway, errors, first_error }) => (first_error && errors.total ? [[gateway, first_error]] : [])),
  );
  return [
    ...(noisy.length > 0
      ? [`Noisy (others took more than ${NOISY_CORES} cores in every run): ${noisy.join(', ')}.\n`]
      : []),
    ...[...first].map(([name, text]) => `${name}: \`${oneLine(text ?? '')}\`\n`),
  ];
}

const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ').replaceAll('`', "'").slice(0, ERROR_CHARS_MAX);

export function median(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value)).toSorted((a, b) => a - b);
  const [low, high] = [known[(known.length - 1) >> 1], known[known.length >> 1]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

function format(value: number, digits: number): string {
  if (value === Number.POSITIVE_INFINITY) return 'never';
  if (!Number.isFinite(value)) return '–';
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function markdown(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = titles.map((_, column) => (column === 0 ? '---' : '--:'));
  return `${[titles, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}
