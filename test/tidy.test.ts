import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { inspect } from '../scripts/tidy/inspect.ts';
import { keepOnly, lex } from '../scripts/tidy/lex.ts';

type Tree = Record<string, string>;

/** An entry point that reaches all others of the tree, so that only the rule under test speaks. */
function found(tree: Tree): string[] {
  const products = Object.keys(tree).filter((path) => !path.startsWith('test/'));
  const entry = products.map((path) => `new URL('../${path}', import.meta.url);`).join('\n');
  const files = Object.entries({ ...tree, 'bin/all.js': entry }).map(([path, text]) => ({ path, text }));
  return inspect(files).map(({ path, line, says, instead }) => {
    assert.ok(instead.length > 10, 'says what to do instead');
    return `${path}:${line} ${says}`;
  });
}

const rejects = (name: string, tree: Tree, ...expected: string[]) =>
  test(`refuses ${name}`, () => assert.deepEqual(found(tree), expected));
const accepts = (name: string, tree: Tree) => test(`accepts ${name}`, () => assert.deepEqual(found(tree), []));

describe('tidy: directions', () => {
  rejects('a package in the SDK', { 'sdk/a.ts': "import { Hono } from 'hono';" }, 'sdk/a.ts:1 must not import hono');
  rejects('a Node module in the SDK', { 'sdk/a.ts': "import 'node:fs';" }, 'sdk/a.ts:1 must not import node:fs');
  rejects(
    'openai elsewhere in the SDK',
    { 'sdk/a.ts': "await import('openai');" },
    'sdk/a.ts:1 must not import openai',
  );
  rejects(
    'a type of the server in the SDK',
    { 'sdk/a.ts': "\nimport type { B } from '../server/b.ts';", 'server/b.ts': '' },
    'sdk/a.ts:2 must not import server/b.ts',
  );
  accepts('zod, the SDK itself and openai in its place', {
    'sdk/a.ts': "import { z } from 'zod';\nexport * from './openai.ts';",
    'sdk/openai.ts': "import OpenAI from 'openai';",
  });

  const serve = { 'server/serve.ts': '' };
  rejects(
    'the server in a command',
    { 'cli/commands/ps.ts': "await import('../../server/serve.ts');", ...serve },
    'cli/commands/ps.ts:1 must not import server/serve.ts',
  );
  rejects(
    'the server at the top of eco dev',
    { 'cli/commands/dev.ts': "import { a } from '../../server/serve.ts';", ...serve },
    'cli/commands/dev.ts:1 must not import server/serve.ts',
  );
  accepts('the server loaded late by eco dev', {
    'cli/commands/dev.ts': "await import('../../server/serve.ts');",
    ...serve,
  });
  rejects(
    'the CLI in the server',
    { 'server/a.ts': "import '../cli/base.ts';", 'cli/base.ts': '' },
    'server/a.ts:1 must not import cli/base.ts',
  );
  rejects(
    'tests in the product',
    { 'server/a.ts': "import '../test/b.ts';", 'test/a.test.ts': "import './b.ts';", 'test/b.ts': '' },
    'server/a.ts:1 must not import test/b.ts',
  );

  const routes = { 'server/keys/routes.ts': '', 'server/keys/key-routes.ts': '' };
  rejects(
    'routes of another slice',
    { 'server/models/store.ts': "import { a } from '../keys/key-routes.ts';", ...routes },
    'server/models/store.ts:1 must not import server/keys/key-routes.ts',
  );
  rejects(
    'routes in the store of their slice',
    { 'server/keys/store.ts': "import { a } from './routes.ts';", ...routes },
    'server/keys/store.ts:1 must not import server/keys/routes.ts',
  );
  rejects(
    'routes in a file of no slice',
    { 'server/serve.ts': "import { a } from './keys/routes.ts';", ...routes },
    'server/serve.ts:1 must not import server/keys/routes.ts',
  );
  accepts('routes bound by app.ts and known to their slice', {
    ...routes,
    'server/app.ts': "import { a } from './keys/routes.ts';",
    'server/keys/view.ts': "import { b } from './key-routes.ts';",
  });
  rejects(
    'a loop in a store',
    { 'server/a/store.ts': "import { b } from './reconcile.ts';", 'server/a/reconcile.ts': '' },
    'server/a/store.ts:1 must not import server/a/reconcile.ts',
  );
  rejects(
    'app.ts outside serve.ts',
    { 'server/a/b.ts': "import { openApp } from '../app.ts';", 'server/app.ts': '' },
    'server/a/b.ts:1 must not import server/app.ts',
  );
  accepts('app.ts in serve.ts', { 'server/serve.ts': "import { openApp } from './app.ts';", 'server/app.ts': '' });
  rejects(
    'a program imported',
    { 'server/a.ts': "import { b } from './b/main.ts';", 'server/b/main.ts': '' },
    'server/a.ts:1 must not import server/b/main.ts',
  );
  accepts('a program started', { 'server/a.ts': "new URL('./b/main.ts', import.meta.url);", 'server/b/main.ts': '' });

  rejects('a database driver', { 'server/a.ts': "const pg = await import('pg');" }, 'server/a.ts:1 must not import pg');
  rejects('a dialect by name', { 'server/a.ts': "if (kind === 'sqlite') a();" }, 'server/a.ts:1 knows a SQL dialect');
  rejects('a dialect by class', { 'server/a.ts': 'new PostgresDialect();' }, 'server/a.ts:1 knows a SQL dialect');
  accepts('dialects where they belong', {
    'server/db/open.ts': "import pg from 'pg';\nif (kind === 'postgres') new PostgresDialect();",
  });
  const client = "import { KubeConfig } from '@kubernetes/client-node';";
  rejects('a cluster client', { 'server/a.ts': client }, 'server/a.ts:1 must not import @kubernetes/client-node');
  accepts('a cluster client in its driver', { 'server/cluster/kubernetes/client.ts': client });
});

describe('tidy: graph', () => {
  rejects(
    'a ring of value imports, told once',
    {
      'sdk/a.ts': "\nimport { b } from './b.ts';",
      'sdk/b.ts': "export { c } from './c.ts';",
      'sdk/c.ts': "import {\n  type X,\n  a,\n} from './a.ts';",
    },
    'sdk/a.ts:2 import cycle: sdk/a.ts → sdk/b.ts → sdk/c.ts → sdk/a.ts',
  );
  accepts('a ring that types or late imports close', {
    'sdk/a.ts': "import { b } from './b.ts';",
    'sdk/b.ts':
      "import type { A } from './a.ts';\nconst late = () => import('./a.ts');\nlet t: typeof import('./a.ts');",
  });

  const unused = (files: Tree) =>
    inspect(Object.entries(files).map(([path, text]) => ({ path, text }))).map(({ path, says }) => `${path} ${says}`);
  test('refuses a file that nobody imports', () =>
    assert.deepEqual(unused({ 'sdk/index.ts': '', 'sdk/old.ts': '' }), ['sdk/old.ts nobody imports this file']));
  test('refuses a file that only a dead file imports', () =>
    assert.deepEqual(unused({ 'sdk/a.ts': "import './b.ts';", 'sdk/b.ts': '' }), [
      'sdk/a.ts nobody imports this file',
      'sdk/b.ts nobody imports this file',
    ]));
  test('refuses product code that only tests use, and test code that no test uses', () =>
    assert.deepEqual(unused({ 'test/a.test.ts': "import '../sdk/a.ts';", 'sdk/a.ts': '', 'test/fakes/b.ts': '' }), [
      'sdk/a.ts only tests import this file',
      'test/fakes/b.ts nobody imports this file',
    ]));
  test('accepts what entry points reach', () =>
    assert.deepEqual(
      unused({
        'bin/eco.js': '',
        'cli/commands/ps.ts': "import type { A } from '../a.ts';",
        'cli/a.ts': '',
        'test/a.test.ts': "import './harness.ts';",
        'test/harness.ts': '',
      }),
      [],
    ));
});

describe('tidy: words', () => {
  rejects('a banned file name', { 'sdk/string-utils.ts': '' }, 'sdk/string-utils.ts:1 banned word "utils" in the name');
  rejects('a banned folder name', { 'sdk/helpers/a.ts': '' }, 'sdk/helpers/a.ts:1 banned word "helpers" in the name');
  for (const name of ['ReplicaManager', 'manager', 'testHelper', 'utils', 'stringUtils', 'managerOf', 'new_helper'])
    rejects(`the name ${name}`, { 'sdk/a.ts': `const ${name} = 1;` }, `sdk/a.ts:1 banned word "${name}"`);
  rejects('as any', { 'sdk/a.ts': '\n\nlet a = b as any;' }, 'sdk/a.ts:3 banned word "as any"');
  rejects('console.log', { 'sdk/a.ts': 'console.log(1);' }, 'sdk/a.ts:1 banned word "console.log"');
  for (const note of ['// TODO later', '/* FIXME */', '/**\n * XXX: why\n */'])
    test(`refuses the note ${JSON.stringify(note)}`, () => assert.equal(found({ 'sdk/a.ts': note }).length, 1));
  accepts('the same words in texts, other words, and what Kubernetes calls its field', {
    'sdk/a.ts': [
      "const text = 'utils, as any, console.log, TODO';",
      'const pattern = /manager|"/;',
      `const template = \`helpers \${\`}\${text}\`} as any\`;`,
      "import { inspect } from 'zod'; // a package manager has helpers",
      'const fieldManager = managerial / futils / 2;',
    ].join('\n'),
  });
});

describe('tidy: transactions', () => {
  const transaction = (body: string) => ({
    'server/a.ts': `await db\n  .transaction()\n  .execute(async (trx) => {\n${body}\n});\nawait find(db);`,
  });
  for (const body of [
    'await find(db);',
    'await find(context.db);',
    'await save({ db });',
    `if (\`\${await find(db)}\`) a(')');`,
  ])
    rejects(`the outer db in ${body}`, transaction(body), 'server/a.ts:4 outer `db` inside a transaction');
  rejects(
    'a transaction that hides the outer one',
    { 'server/a.ts': 'await db.transaction().execute((db) => find(db));' },
    'server/a.ts:1 a transaction called `db` hides the outer one',
  );
  rejects(
    'the outer db behind an isolation level',
    { 'server/a.ts': "db.transaction().setIsolationLevel('serializable').execute((trx) => find(db));" },
    'server/a.ts:1 outer `db` inside a transaction',
  );
  accepts('the transaction itself, under any name', transaction("await find(trx); await save({ db: trx }, 'the db');"));
});

describe('tidy: silence', () => {
  for (const comment of [
    '// biome-ignore lint/a/b',
    '// biome-ignore lint/a/b: <explanation>',
    '/* biome-ignore-all lint/a/b: no */',
    '// @ts-ignore',
    '// @ts-expect-error',
  ])
    rejects(`"${comment}"`, { 'sdk/a.ts': `\n${comment}\na();` }, 'sdk/a.ts:2 suppression without a reason');
  accepts('a suppression with its reason', {
    'sdk/a.ts':
      '// biome-ignore lint/a/b: the library wants a mutable array\n// @ts-expect-error: this must not compile',
  });

  for (const call of [
    "test.skip('a', f);",
    "it.todo('a');",
    't.skip();',
    "test('a', { skip: true }, f);",
    "test('a', { skip: !linux }, f);",
    "test('a', { skip: '' }, f);",
  ])
    rejects(call, { 'test/a.test.ts': call }, 'test/a.test.ts:1 skipped without a reason');
  for (const call of ["test.only('a', f);", "test('a', { only: true }, f);"])
    rejects(call, { 'test/a.test.ts': call }, 'test/a.test.ts:1 leaves out all other tests');
  accepts('a test that says why it is skipped', {
    'test/a.test.ts':
      "test('a', { skip: !pg && 'Postgres is not here: apt-get install postgresql' }, f);\nt.skip('needs a terminal');\ndescribe('b', { skip: noTerminal }, f);",
    'sdk/a.ts': 'const page = { skip: 1 };',
  });
});

test('whatever the text, code and comments keep its length and lines', () => {
  const piece = fc.constantFrom('`', '${', '}', '{', '/', '//', '/*', '*/', "'", '"', '\\', '\n', 'a', '(', ' ');
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = pieces.join('');
      const spans = lex(text);
      for (const kind of ['code', 'comment'] as const) {
        const kept = keepOnly(kind, text, spans);
        assert.equal(kept.length, text.length);
        assert.deepEqual([...kept.matchAll(/\n/g)].length, [...text.matchAll(/\n/g)].length);
      }
    }),
  );
});
