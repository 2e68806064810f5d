import { faults } from './faults.ts';
import { optionTable } from './options.ts';

/** All options and faults, for a terminal. */
export function usage(): string {
  const options = Object.entries(optionTable).map(
    ([name, { value, fallback, description }]) =>
      [`--${name} <${value}>`, fallback === '' ? description : `${description} (${fallback})`] as const,
  );
  return `Options, also as SIM_… in the environment:\n${columns(options)}\nFaults, for --fail and the header x-sim-fail:\n${columns(Object.entries(faults))}`;
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join('');
}
