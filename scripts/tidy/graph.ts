import { type Finding, finding, type Import, type Source } from './source.ts';

type Graph = ReadonlyMap<string, readonly string[]>;

/** Rings of value imports: whoever loads first sees an unfinished module. Each ring is told once. */
export function inspectCycles(sources: readonly Source[]): Finding[] {
  const graph = graphOf(sources, ['value']);
  const told = new Set<string>();
  return sources.flatMap((source) => {
    const ring = told.has(source.path) ? undefined : shortestRing(graph, source.path);
    if (ring === undefined) return [];
    for (const path of ring) told.add(path);
    const at = source.imports.find(({ target }) => target === (ring[1] ?? source.path))?.at ?? 0;
    const chain = [...ring, source.path].join(' → ');
    return [
      finding(source, at, `import cycle: ${chain}`, 'Move what both need into a third file, or import the type only.'),
    ];
  });
}

/** Entry points: what a person, npm, oclif, the test runner or a script starts. */
const PROGRAMS = [
  /^bin\//,
  /^sdk\/index\.ts$/,
  /^cli\/commands\//,
  /^cli\/(?:not-found|help-class)\.ts$/,
  /^server\/main\.ts$/,
  /^scripts\/[\w-]+\.ts$/,
  /^bench\/(?:run|report|selftest|ecolink|startup)\.ts$/,
  /^bench\/peers\//,
  /^server\/cluster\/kubernetes\/client\/exec\.ts$/, // terminals come next; the tests on the rig run it
];
const TESTS = /^test\/(?:.*\.(?:test|kube)|(?:kube\/)?global-setup|kube\/(?:cli|read-weights))\.ts$/;

/** Files that no program reaches; a product file that only a test imports counts as such. */
export function inspectUnused(sources: readonly Source[]): Finding[] {
  const graph = graphOf(sources, ['value', 'type', 'dynamic', 'spawn']);
  const paths = sources.map(({ path }) => path);
  const used = reached(
    graph,
    paths.filter((path) => PROGRAMS.some((program) => program.test(path))),
  );
  const tested = reached(
    graph,
    paths.filter((path) => TESTS.test(path)),
  );
  return sources
    .filter(({ path }) => !(path.startsWith('test/') ? tested : used).has(path))
    .map((source) =>
      finding(
        source,
        0,
        tested.has(source.path) ? 'only tests import this file' : 'nobody imports this file',
        'Remove it, use it, or list its entry point in scripts/tidy/graph.ts.',
      ),
    );
}

function graphOf(sources: readonly Source[], kinds: readonly Import['kind'][]): Graph {
  const known = new Set(sources.map(({ path }) => path));
  const targets = ({ imports }: Source) =>
    imports.filter(({ kind, target }) => kinds.includes(kind) && known.has(target)).map(({ target }) => target);
  return new Map(sources.map((source) => [source.path, targets(source)]));
}

function reached(graph: Graph, entries: readonly string[]): Set<string> {
  const found = new Set(entries);
  for (const path of found) for (const next of graph.get(path) ?? []) found.add(next);
  return found;
}

/** The files of the shortest way from `start` back to itself, `start` first. */
function shortestRing(graph: Graph, start: string): string[] | undefined {
  const from = new Map<string, string>();
  const queue = [start];
  for (const path of queue) {
    for (const next of graph.get(path) ?? []) {
      if (next === start) return wayTo(from, start, path);
      if (from.has(next)) continue;
      from.set(next, path);
      queue.push(next);
    }
  }
  return undefined;
}

function wayTo(from: ReadonlyMap<string, string>, start: string, end: string): string[] {
  const way = [end];
  for (let at = end; at !== start; way.unshift(at)) at = from.get(at) ?? start;
  return way;
}
