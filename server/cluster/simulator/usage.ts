import { engineFaults, faults } from './faults.ts';
import { optionTable } from './options.ts';
import { personalities } from './personalities/index.ts';

type Rows = [string, string][];

/** All options, personalities and faults: the tables of the help and of the reference page. */
export const tables = {
  options: Object.entries(optionTable).map(([name, { value, fallback, description }]) => [
    value === '' ? `--${name}` : `--${name} ${value}`,
    fallback,
    description,
  ]) as [string, string, string][],
  personalities: Object.entries(personalities).map(([name, { summary }]) => [name, summary]) as Rows,
  faults: Object.entries(faults).map(faultRow),
  engineFaults: Object.entries(engineFaults).map(faultRow),
};

function faultRow([name, row]: [string, { argument?: { name: string }; description: string }]): [string, string] {
  return [row.argument ? `${name}:${row.argument.name}` : name, row.description];
}

/** The same for a terminal. */
export function usage(): string {
  const options = tables.options.map(([name, fallback, description]): [string, string] => [
    name,
    fallback === '' ? description : `${description} (${fallback})`,
  ]);
  return [
    section('Options, also as SIM_… in the environment', options),
    section('Engines, for --personality', tables.personalities),
    section('Faults, for --fail and the header x-sim-fail; each may be followed by :rate', tables.faults),
    section('Faults of the whole engine, for --fail', tables.engineFaults),
  ].join('\n');
}

function section(title: string, rows: Rows): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return `${title}:\n${rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join('')}`;
}
