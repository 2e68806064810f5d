import { inspectDirections } from './directions.ts';
import { inspectCycles, inspectUnused } from './graph.ts';
import { inspectSkips, inspectSuppressions } from './silenced.ts';
import { type Finding, openSource, type SourceFile } from './source.ts';
import { inspectTransactions } from './transactions.ts';
import { inspectWords } from './words.ts';

const rules = [
  inspectDirections,
  inspectCycles,
  inspectUnused,
  inspectWords,
  inspectTransactions,
  inspectSuppressions,
  inspectSkips,
];

/** Everything in the tree that goes against `CONTRIBUTING.md`, by file and line. */
export function inspect(files: readonly SourceFile[]): Finding[] {
  const sources = files.map(openSource);
  return rules.flatMap((rule) => rule(sources)).toSorted((a, b) => a.path.localeCompare(b.path) || a.line - b.line);
}
