import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DeployFile, deploySchema } from '../cli/deploy/deploy-file.ts';
import { annotationOf } from '../cli/deploy/github.ts';
import { planDeploy, type Seen } from '../cli/deploy/plan.ts';
import { planLines } from '../cli/deploy/plan-text.ts';
import { substitute } from '../cli/deploy/substitute.ts';
import { Undo } from '../cli/deploy/undo.ts';
import { wishOf } from '../cli/deploy/wish.ts';
import { FileError, readYamlFile } from '../cli/deploy/yaml-file.ts';
import type { Alias } from '../sdk/index.ts';
import { spec, writeSpec } from './deploy-rig.ts';
import { model, workload } from './fakes/documents.ts';

const dollar = (text: string) => `$${text}`;
const readFile = (text: string | object, env: NodeJS.ProcessEnv = {}) => readYamlFile(writeSpec(text), DeployFile, env);
const fileOf = (changes: Record<string, unknown> = {}) => DeployFile.parse(spec(changes));

describe('the file of a deploy', () => {
  test('variables are put in where values stand, and never read as YAML', async () => {
    const text = [
      'name: assistant',
      'model:',
      `  source: { type: huggingface, repo: acme/tuned, revision: "${dollar('{COMMIT}')}" }`,
      `env: { NOTE: "${dollar('{NOTE}')}", LITERAL: "$${dollar('{NOTE}')}", PORT: 8000 }`,
      `replicas: ${dollar('{REPLICAS:-2}')}`,
    ].join('\n');
    const file = await readFile(text, { COMMIT: '0123456', NOTE: 'a: [b, "c"]\n# d' });
    assert.deepEqual(file.model.source, { type: 'huggingface', repo: 'acme/tuned', revision: '0123456' });
    assert.deepEqual(file.env, { NOTE: 'a: [b, "c"]\n# d', LITERAL: dollar('{NOTE}'), PORT: '8000' });
    assert.equal(file.replicas, 2);
  });

  test('a text without variables stays as it is, and a value is put in once', () => {
    fc.assert(
      fc.property(fc.string(), (text) => substitute(text.replaceAll('$', ''), {}) === text.replaceAll('$', '')),
    );
    fc.assert(fc.property(fc.string(), (value) => substitute(`<${dollar('{A}')}>`, { A: value }) === `<${value}>`));
  });

  for (const [what, text, problem] of [
    ['a variable that is not set', `name: a\nmodel:\n  source: ${dollar('{NONE}')}`, /:3: NONE is not set/],
    ['an unknown field', 'name: a\nmodel: { source: { type: image } }\nreplica: 2', /:3: unknown field "replica"/],
    [
      'a field below another',
      'name: a\nmodel:\n  source: { type: image }\n  kind: chat',
      /:4: unknown field "model.kind"/,
    ],
    ['a missing field', 'name: a\nreplicas: 1', /:1: model: /],
    ['a wrong name', 'name: A b\nmodel: { source: { type: image } }', /:1: name: must begin with a lower-case letter/],
    [
      'a wrong duration',
      'name: a\nmodel: { source: { type: image } }\ndrain: soon',
      /:3: drain: "soon" is no duration/,
    ],
    [
      'a drain that is too short',
      'name: a\nmodel: { source: { type: image } }\ndrain: 0s',
      /:3: drain: must be from 2s/,
    ],
    ['a wrong GPU', 'name: a\nmodel: { source: { type: image } }\ngpu: "h100:"', /:3: gpu: .*h100:2/],
    ['broken YAML', 'name: a\nmodel: [', /:\d: .+/],
    ['a variable in braces', `name: a\nmodel: { name: ${dollar('{NAME}')} }`, /:2: .*must stand in quotes/],
    ['a list', '- a', /:1: the file: /],
  ] as const)
    test(`${what} is an error that names file, line and field`, async () => {
      await assert.rejects(readFile(text), (error) => {
        assert.ok(error instanceof FileError);
        assert.match(error.message, /^\S+\.yaml:\d+: /);
        assert.match(error.message, problem);
        return true;
      });
    });

  test('a file that is not there says how to name one', async () => {
    await assert.rejects(readYamlFile('none.yaml', DeployFile, {}), { code: 'usage', message: /none\.yaml.*-f/ });
  });

  test('editors get a schema of all fields, with what may be left out', () => {
    const { properties, required, additionalProperties } = deploySchema() as Record<string, object>;
    assert.deepEqual(Object.keys(Object(properties)), Object.keys(DeployFile.shape));
    assert.deepEqual([required, additionalProperties], [['name', 'model'], false]);
  });

  test('secrets come from the environment by name, and one that is not set is named', () => {
    const file = fileOf({ secrets: ['HF_TOKEN'], model: { source: { type: 'image' }, token_env: 'HUB' } });
    const wish = wishOf(file, { HF_TOKEN: 'x', HUB: 'y' });
    assert.deepEqual([wish.launch.secrets, wish.model.token], [{ HF_TOKEN: 'x' }, 'y']);
    assert.throws(() => wishOf(file, { HUB: 'y' }), { code: 'usage', message: /secrets: HF_TOKEN is not set/ });
    assert.throws(() => wishOf(file, { HF_TOKEN: 'x' }), { code: 'usage', message: /token_env: HUB is not set/ });
  });

  test('the fingerprint tells what runs, not how it is brought there', () => {
    const of = (changes: Record<string, unknown>) => wishOf(fileOf(changes), { A: 'a' }).fingerprint;
    const same = [{ drain: '20s' }, { smoke: false }, { on_success: 'keep' }];
    const other = [{ args: [] }, { env: { A: 'b' } }, { secrets: ['A'] }, { replicas: 2 }, { gpu: 'l4:2' }];
    assert.deepEqual(new Set([{}, ...same].map(of)).size, 1);
    assert.equal(new Set([{}, ...other].map(of)).size, other.length + 1);
  });
});

describe('the plan of a deploy', () => {
  const wish = wishOf(fileOf(), {});
  const source = { type: 'image' } as const;
  const old = workload({ id: 5, ref: 'my-llama:5' });
  const alias: Alias = {
    object: 'alias',
    name: 'assistant',
    workload_id: 5,
    ref: 'my-llama:5',
    fingerprint: 'other',
    updated_at: 1,
  };
  const seen = (changes: Partial<Seen> = {}): Seen => ({
    model: model({ source }),
    alias,
    old,
    otherAliases: [],
    ...changes,
  });
  const linesOf = (changes: Partial<Seen>, file: Record<string, unknown> = {}) =>
    planLines(planDeploy(wishOf(fileOf(file), process.env), seen(changes), { force: false })).join('\n');

  for (const [what, changes, file, expected] of [
    ['registers a model that is not there', { model: undefined }, {}, /^register the model my-llama \(chat, image\)/],
    ['changes a source', { model: model() }, {}, /^change the model my-llama from hf:\S+ to image/],
    ['leaves a model that is right', {}, {}, /^launch/],
    [
      'gives a model its token',
      {},
      { model: { name: 'my-llama', source: { type: 'image' }, token_env: 'PATH' } },
      /^give the model my-llama its token/,
    ],
    ['makes the name', { alias: undefined, old: undefined }, {}, /lead "assistant" to it$/],
    ['ends the old instance after the drain', {}, {}, /from my-llama:5 to it\nterminate my-llama:5 after 2 s$/],
    ['stops it if told so', {}, { on_success: 'stop' }, /stop my-llama:5 after 2 s$/],
    ['keeps it if told so', {}, { on_success: 'keep' }, /keep my-llama:5/],
    ['keeps it if another name leads to it', { otherAliases: ['canary'] }, {}, /keep my-llama:5 \(canary/],
    ['has nothing to end', { old: { ...old, state: 'terminated' } }, {}, /to it$/],
    ['leaves out the smoke call', {}, { smoke: false }, /^launch.*\nlead/],
  ] as const)
    test(what, () => assert.match(linesOf(changes, file), expected));

  test('nothing is done if the same runs already, unless it is forced or does not serve', () => {
    const current = { alias: { ...alias, fingerprint: wish.fingerprint } };
    const typeOf = (changes: Partial<Seen>, force = false) =>
      planDeploy(wish, seen({ ...current, ...changes }), { force }).type;
    assert.equal(typeOf({}), 'unchanged');
    assert.equal(typeOf({ old: { ...old, state: 'degraded' } }), 'unchanged');
    assert.equal(typeOf({}, true), 'deploy');
    for (const state of ['stopped', 'failed', 'stopping', 'terminated'] as const)
      assert.equal(typeOf({ old: { ...old, state } }), 'deploy');
  });

  test('whatever is there, only what nobody needs is ended, and only as the file says', () => {
    const anything = fc.record({
      on_success: fc.constantFrom('terminate', 'stop', 'keep'),
      state: fc.constantFrom('running', 'degraded', 'stopped', 'failed', 'terminated'),
      otherAliases: fc.array(fc.constantFrom('canary', 'blue'), { maxLength: 2 }),
      hasAlias: fc.boolean(),
      force: fc.boolean(),
    });
    fc.assert(
      fc.property(anything, ({ on_success, state, otherAliases, hasAlias, force }) => {
        const there = hasAlias ? { old: { ...old, state }, otherAliases } : { alias: undefined, old: undefined };
        const plan = planDeploy(wishOf(fileOf({ on_success }), {}), seen(there as Partial<Seen>), { force });
        assert.equal(plan.type, 'deploy');
        if (plan.type !== 'deploy' || plan.old.type === 'none' || plan.old.type === 'keep') return;
        assert.deepEqual([plan.old.type, otherAliases], [on_success, []]);
        assert.notEqual(plan.old.old.state, 'terminated');
      }),
    );
  });

  test('a model of another category is refused', () => {
    assert.throws(() => planDeploy(wish, seen({ model: model({ source, category: 'embedding' }) }), { force: true }), {
      code: 'usage',
      message: /model\.category: "my-llama" is registered for embedding, not chat/,
    });
  });
});

describe('what was done is put back', () => {
  test('last first; what fails hinders no other and stays named', async () => {
    const undo = new Undo();
    const notes: string[] = [];
    undo.push({ command: 'one', undo: async () => 'first undone' });
    undo.push({ command: 'two', undo: () => Promise.reject(new Error('no answer')) });
    undo.push({ command: 'three', undo: async () => 'third undone' });
    assert.deepEqual(undo.commands, ['three', 'two', 'one']);
    await undo.putBack((text) => notes.push(text));
    assert.deepEqual(notes, ['third undone', 'Not put back (no answer): two', 'first undone']);
    assert.deepEqual(undo.commands, ['two']);
  });

  test('an error is told to GitHub Actions with file and line, on one line', () => {
    const error = new FileError([
      { file: 'eco.yaml', line: 3, message: '100%' },
      { file: 'eco.yaml', line: 4, message: 'b' },
    ]);
    const env = { GITHUB_ACTIONS: 'true' };
    assert.equal(annotationOf(error, env), '::error file=eco.yaml,line=3::eco.yaml:3: 100%25%0Aeco.yaml:4: b');
    assert.equal(annotationOf(new Error('x'), env), '::error::x');
    assert.equal(annotationOf(error, {}), undefined);
  });
});
