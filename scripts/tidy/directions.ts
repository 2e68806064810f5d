import { type Finding, finding, type Import, type Source } from './source.ts';

interface Direction {
  /** Who the rule is for. */
  from: RegExp;
  refuses(imported: Import, path: string): boolean;
  instead: string;
}

const isPath = (target: string) => /\.(ts|js|mjs|json)$/.test(target) && !target.startsWith('node:');
const sliceOf = (path: string) => /^server\/([\w-]+)\//.exec(path)?.[1];
const ROUTES = /^server\/(?:.+\/)?(?:[\w-]+-)?routes\.ts$/;
const STORE = /^server\/(?:.+\/)?(?:[\w-]+-)?store\.ts$/;
const BELOW_ROUTES = /^server\/(?:.+\/)?(?:[\w-]+-)?(?:store|reconcile)\.ts$/;
const STARTS_SERVER = /^cli\/(?:commands\/)?(?:dev|serve|sim)(?:\.ts$|\/)/;
const KNOWS_DIALECTS = /^server\/db\/(?:open\.ts$|migrations\/)|^(?:test|bench|scripts)\//;
const DRIVERS = ['pg', 'better-sqlite3'];

/** Which way imports may point: `cli → sdk ← server`, and inside the server `routes → store / reconcile → pure`. */
const directions: Direction[] = [
  {
    from: /^sdk\//,
    refuses: ({ target }, path) =>
      !target.startsWith('sdk/') && target !== 'zod' && !(path === 'sdk/openai.ts' && target === 'openai'),
    instead: 'sdk/ runs everywhere: it imports zod and itself only (sdk/openai.ts also openai). Pass the rest in.',
  },
  {
    from: /^cli\//,
    refuses: ({ target, kind }, path) =>
      target.startsWith('server/') && !(STARTS_SERVER.test(path) && (kind === 'dynamic' || kind === 'spawn')),
    instead: 'Call the API through sdk/. Only eco dev, eco serve and eco sim start it, by `await import(…)`.',
  },
  {
    from: /^server\//,
    refuses: ({ target }) => target.startsWith('cli/'),
    instead: 'Move what both need to sdk/; the server does not know the CLI.',
  },
  {
    from: /^(?:sdk|server|cli|bin)\//,
    refuses: ({ target }) => /^(?:test|scripts|bench)\//.test(target),
    instead: 'The product does not depend on its tests and tools: move what it needs into the product.',
  },
  {
    from: /^(?:sdk|server|cli|scripts|bench)\//,
    refuses: ({ target }, path) => ROUTES.test(target) && path !== 'server/app.ts' && sliceOf(path) !== sliceOf(target),
    instead: "Use the slice's store or a pure file; only server/app.ts binds routes.",
  },
  {
    from: BELOW_ROUTES,
    refuses: ({ target }, path) => ROUTES.test(target) && sliceOf(path) === sliceOf(target),
    instead: 'Routes call stores and loops, never the other way: pass in what is needed.',
  },
  {
    from: STORE,
    refuses: ({ target, kind }) => kind !== 'type' && /\/reconcile\.ts$/.test(target),
    instead: 'A store knows SQL only: let routes or the loop call both.',
  },
  {
    from: /^(?:sdk|server|cli|scripts|bench)\//,
    refuses: ({ target, kind }, path) =>
      kind !== 'spawn' && target === 'server/app.ts' && !/^server\/(?:serve|main)\.ts$/.test(path),
    instead: 'Start a server by startServer of server/serve.ts, which alone imports app.ts.',
  },
  {
    from: /./,
    refuses: ({ target, kind }) => (kind === 'value' || kind === 'type') && /^server\/(?:.+\/)?main\.ts$/.test(target),
    instead: 'main.ts is a program: move what is shared into a file of its own.',
  },
  {
    from: /./,
    refuses: ({ target }, path) => DRIVERS.includes(target) && !KNOWS_DIALECTS.test(path),
    instead: 'Only server/db/open.ts and the migrations know dialects: take a Db as argument.',
  },
  {
    from: /./,
    refuses: ({ target }, path) =>
      target === '@kubernetes/client-node' && !/^(?:server\/cluster\/kubernetes|test)\//.test(path),
    instead: 'Only server/cluster/kubernetes/ talks to a cluster: go through ClusterDriver.',
  },
];

export function inspectDirections(sources: readonly Source[]): Finding[] {
  return sources.flatMap((source) => [...wrongImports(source), ...dialectsNamed(source)]);
}

const wrongImports = (source: Source): Finding[] =>
  source.imports.flatMap((imported) =>
    directions
      .filter(({ from, refuses }) => from.test(source.path) && isImport(imported) && refuses(imported, source.path))
      .map(({ instead }) => finding(source, imported.at, `must not import ${imported.target}`, instead)),
  );

/** `new URL('https://…')` starts nothing. */
const isImport = ({ kind, target }: Import) => kind !== 'spawn' || isPath(target);

const DIALECT_CLASSES = /\b(?:Sqlite|Postgres)Dialect\b/g;

function dialectsNamed(source: Source): Finding[] {
  if (!source.path.startsWith('server/') || KNOWS_DIALECTS.test(source.path)) return [];
  const named = source.literals.filter(({ value }) => value === 'sqlite' || value === 'postgres').map(({ at }) => at);
  const classes = [...source.code.matchAll(DIALECT_CLASSES)].map(({ index }) => index);
  return [...named, ...classes].map((at) =>
    finding(
      source,
      at,
      'knows a SQL dialect',
      'Write a query that both understand, or decide it in server/db/open.ts.',
    ),
  );
}
