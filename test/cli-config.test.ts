import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseProjectFile } from '../cli/config/project-file.ts';
import {
  type Layer,
  type LayerKind,
  layerKinds,
  readSettings,
  resolveSettings,
  type Settings,
} from '../cli/config/settings.ts';
import { chooseConnection, type Profile } from '../cli/connection.ts';
import { launchInstance, listRegions, whoAmI } from '../sdk/index.ts';
import { type FakeApi, openFakeApi } from './fakes/api.ts';
import * as documents from './fakes/documents.ts';
import { eco, folder } from './run-eco.ts';

const layer = (kind: LayerKind, values: Partial<Settings>): Layer => ({ kind, values, origin: () => kind });
const values = fc.record(
  { region: fc.array(fc.string({ minLength: 1 }), { minLength: 1 }), gpu: fc.string({ minLength: 1 }) },
  { requiredKeys: [] },
);

describe('the order of settings', () => {
  test('what is nearer to the command counts, in whatever order the layers are read', () => {
    const layers = fc.tuple(...layerKinds.map((kind) => values.map((each) => layer(kind, each))));
    fc.assert(
      fc.property(
        layers.chain((each) => fc.shuffledSubarray(each)),
        (some) => {
          const found = resolveSettings(some);
          for (const name of ['region', 'gpu'] as const) {
            const [strongest] = layerKinds.flatMap((kind) =>
              some.filter((each) => each.kind === kind && name in each.values),
            );
            assert.deepEqual(found[name]?.value, strongest?.values[name]);
            assert.equal(found[name]?.kind, strongest?.kind);
          }
        },
      ),
    );
  });

  for (const [name, value, message] of [
    ['api_url', 'eco.example.com', /https:\/\/eco\.example\.com/],
    ['api_url', 'https://me:secret@eco.example.com', /no address of a server/],
    ['profile', '../x', /1 to 40 letters/],
    ['region', [], /eu-1,us-2/],
    ['output', 'yaml', /"text" nor "json"/],
  ] as const)
    test(`${name} is not ${JSON.stringify(value)}, and the file and field are named`, () => {
      assert.throws(() => readSettings({ [name]: value }, () => `here: ${name}`), {
        code: 'usage',
        message: new RegExp(`^here: ${name}: .*${message.source}`),
      });
    });
});

describe('which key goes where', () => {
  const profile: Profile = { api_url: 'http://stored', api_key: 'account', admin_key: 'admin' };
  const profiles = { default: profile, prod: { api_url: 'http://prod', api_key: 'prod' } };
  const by = (...layers: Layer[]) => resolveSettings([...layers, layer('default', { profile: 'default' })]);
  const flag = layer('flag', { api_url: 'http://flag' });
  const variable = layer('environment', { api_url: 'http://env' });
  const evil = layer('project', { api_url: 'http://evil' });

  for (const [name, choices, expected] of [
    ['flag before environment', { settings: by(flag, variable), env: { ECO_API_KEY: 'env' } }, ['http://flag', 'env']],
    ['environment before login', { settings: by(variable), env: { ECO_API_KEY: 'env' } }, ['http://env', 'env']],
    ['a login', { settings: by() }, ['http://stored', 'account']],
    ['admin commands take the admin key', { settings: by(), kind: 'admin' }, ['http://stored', 'admin']],
    ['a stored key goes to no other server', { settings: by(flag) }, ['http://flag', undefined]],
    ['nor by the environment', { settings: by(variable), kind: 'admin' }, ['http://env', undefined]],
    ['nor by the project', { settings: by(evil) }, ['http://evil', undefined]],
    [
      'nor by the project with another login',
      { settings: by(evil, layer('project', { profile: 'prod' })) },
      ['http://evil', undefined],
    ],
    [
      '--profile goes before the server of the project',
      { settings: by(evil, layer('flag', { profile: 'prod' })) },
      ['http://prod', 'prod'],
    ],
    ['ECO_PROFILE too', { settings: by(evil, layer('environment', { profile: 'prod' })) }, ['http://prod', 'prod']],
    [
      '--profile sets the key of the environment aside',
      { settings: by(layer('flag', { profile: 'prod' })), env: { ECO_API_KEY: 'env' } },
      ['http://prod', 'prod'],
    ],
    [
      'a project may name a server with a login',
      { settings: by(layer('project', { api_url: 'http://prod' })), env: { ECO_API_KEY: 'env' } },
      ['http://prod', 'env'],
    ],
    ['nothing at all', { settings: by(), profiles: {} }, [undefined, undefined]],
  ] as const)
    test(name, () => {
      const { baseUrl, apiKey } = chooseConnection({ kind: 'account', env: {}, profiles, ...choices });
      assert.deepEqual([baseUrl, apiKey], expected);
    });

  test('a key of the environment goes to no server that only the project names', () => {
    for (const env of [{ ECO_API_KEY: 'env' }, { ECO_ADMIN_KEY: 'env' }])
      assert.throws(() => chooseConnection({ kind: 'admin', settings: by(evil), env, profiles }), {
        code: 'usage',
        message: /http:\/\/evil/,
      });
  });

  test('whatever a project file says, no key reaches a server that its owner did not name', () => {
    const url = fc.constantFrom(
      'http://stored',
      'http://prod',
      'http://evil',
      'http://stored.evil',
      'http://stored:8080',
    );
    const project = fc.record(
      { api_url: url, profile: fc.constantFrom('default', 'prod', 'other') },
      { requiredKeys: [] },
    );
    const env = fc.record({ ECO_API_KEY: fc.constant('env'), ECO_ADMIN_KEY: fc.constant('env') }, { requiredKeys: [] });
    fc.assert(
      fc.property(project, env, fc.constantFrom('account' as const, 'admin' as const), (file, variables, kind) => {
        const settings = by(layer('project', file));
        const choose = () => chooseConnection({ kind, settings, env: variables, profiles });
        const { baseUrl, apiKey } = outcomeOf(choose);
        const trusted = Object.values(profiles).map(({ api_url }) => api_url);
        if (apiKey !== undefined && baseUrl !== undefined)
          assert.ok(trusted.includes(baseUrl), `${apiKey} to ${baseUrl}`);
        const owner = Object.values(profiles).find(
          ({ api_key, ...rest }) => apiKey === api_key || ('admin_key' in rest && apiKey === rest.admin_key),
        );
        if (owner) assert.equal(baseUrl, owner.api_url);
      }),
    );
  });

  function outcomeOf(choose: () => ReturnType<typeof chooseConnection>) {
    try {
      return choose();
    } catch {
      return { baseUrl: undefined, apiKey: undefined };
    }
  }
});

describe('eco.json', () => {
  for (const [text, message] of [
    ['{"api_key": "eco_x"}', /"api_key" is refused: a file of the project holds no key/],
    ['{"admin_key": "eco_x"}', /"admin_key" is refused/],
    ['{"regoin": ["eu-1"]}', /no setting "regoin"\. Did you mean "region"\?/],
    ['{"region": 3}', /region: .*eu-1,us-2/],
    ['[]', /no JSON object/],
    ['{', /no JSON object/],
  ] as const)
    test(`${text} is refused`, () =>
      assert.throws(() => parseProjectFile(text, '/p/eco.json'), {
        message: new RegExp(`^/p/eco.json.*${message.source}`),
      }));

  /** A project with this file, and a folder deep inside it. */
  function project(content: unknown): string {
    const root = mkdtempSync(join(folder, 'project-'));
    const inside = join(root, 'src/deep');
    mkdirSync(inside, { recursive: true });
    writeFileSync(join(root, 'eco.json'), JSON.stringify(content));
    return inside;
  }

  test('counts from a folder inside; its regions and GPUs go into a launch, and a flag goes before them', async () => {
    await using api = await openFakeApi();
    api.on(launchInstance, () => documents.quote());
    const cwd = project({ region: ['eu-1', 'us-2'], gpu: 'h100:2' });
    await eco(['instances', 'launch', 'm', '--dry-run'], { api, cwd });
    await eco(['instances', 'launch', 'm', '--dry-run', '--region', 'ap-3'], { api, cwd, env: { ECO_GPU: 'l4' } });
    const inputs = api.calls.map(({ input }) => input as { regions: unknown; gpu: unknown });
    assert.deepEqual([inputs[0]?.regions, inputs[0]?.gpu], [['eu-1', 'us-2'], { type: 'h100', count: 2 }]);
    assert.deepEqual([inputs[1]?.regions, inputs[1]?.gpu], [['ap-3'], { type: 'l4' }]);
  });

  test('output: json is as --json', async () => {
    await using api = await openFakeApi();
    api.on(listRegions, () => ({ object: 'list' as const, data: [], next: null }));
    const { json } = await eco(['regions'], { api, cwd: project({ output: 'json' }) });
    assert.deepEqual(json(), { object: 'list', data: [], next: null });
  });

  test('of a hostile project gets no key, neither a stored one nor that of the environment', async () => {
    await using evil = await openFakeApi();
    evil.on(whoAmI, () => documents.whoAmI());
    const ECO_CONFIG_DIR = mkdtempSync(join(folder, 'victim-'));
    const stored = { default: { api_url: 'http://127.0.0.1:9', api_key: 'eco_mine' } };
    writeFileSync(join(ECO_CONFIG_DIR, 'config.json'), JSON.stringify({ profiles: stored }), { mode: 0o600 });
    const cwd = project({ api_url: evil.url });
    const runs = await Promise.all([
      eco(['whoami'], { cwd, env: { ECO_CONFIG_DIR } }),
      eco(['whoami'], { cwd, env: { ECO_CONFIG_DIR, ECO_API_KEY: 'eco_env' } }),
      eco(['doctor'], { cwd, env: { ECO_CONFIG_DIR, ECO_API_KEY: 'eco_env' } }),
      eco(['login'], { cwd, env: { ECO_CONFIG_DIR }, input: 'eco_new\n' }),
    ]);
    assert.deepEqual(
      runs.map(({ code }) => code),
      [4, 2, 1, 1],
    );
    assert.match(runs[0].stderr, /login "default" is for http:\/\/127\.0\.0\.1:9, not for http/);
    assert.match(runs[1].stderr, /no key is sent there/);
    assert.equal(evil.calls.filter(({ headers }) => headers.authorization !== undefined).length, 0);
  });
});

describe('eco config and eco profiles', () => {
  const home = () => {
    const ECO_CONFIG_DIR = mkdtempSync(join(folder, 'config-'));
    return { env: { ECO_CONFIG_DIR }, path: join(ECO_CONFIG_DIR, 'config.json') };
  };

  test('set, get, list with origins, unset; the file is for its owner alone', async () => {
    const { env, path } = home();
    const set = await eco(['config', 'set', 'region', 'eu-1, us-2'], { env });
    assert.equal(set.stdout, `region is eu-1,us-2 from now on (${path}).\n`);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal((await eco(['config', 'get', 'region'], { env })).stdout, 'eu-1,us-2\n');
    const listed = await eco(['config', 'ls', '--show-origin', '--json'], { env: { ...env, ECO_REGION: 'ap-3' } });
    assert.deepEqual(
      listed.json().data.find(({ name }: { name: string }) => name === 'region'),
      {
        name: 'region',
        value: ['ap-3'],
        origin: 'ECO_REGION',
      },
    );
    await eco(['config', 'unset', 'region'], { env });
    assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')).settings, {});
    const wrong = await eco(['config', 'set', 'regoin', 'x'], { env });
    assert.match(wrong.stderr, /no setting "regoin"\. Did you mean "region"/);
    assert.equal(wrong.code, 2);
  });

  async function accounts(): Promise<FakeApi> {
    const api = await openFakeApi();
    api.on(whoAmI, () => documents.whoAmI());
    return api;
  }

  test('logins are listed, used and forgotten; a key of the environment is said to go before them', async () => {
    await using api = await accounts();
    const { env } = home();
    await eco(['login', '--api-url', `${api.url}/`], { env, input: 'eco_a' });
    await eco(['login', '--api-url', api.url, '--profile', 'prod'], { env, input: 'eco_b' });
    assert.equal((await eco(['profiles', 'use', 'prod'], { env })).code, 0);
    const listed = await eco(['profiles', 'list'], { env });
    assert.match(listed.stdout, /^ +default +http.*\n\* +prod +http/m);
    await eco(['whoami'], { env });
    assert.equal(api.calls.at(-1)?.headers.authorization, 'Bearer eco_b');

    const shadowed = await eco(['whoami'], { env: { ...env, ECO_API_KEY: 'eco_c' } });
    assert.match(shadowed.stdout, /ECO_API_KEY, which goes before the login "prod"/);
    const unknown = await eco(['profiles', 'use', 'prid'], { env });
    assert.match(unknown.stderr, /no login "prid"\. Did you mean "prod"/);

    const unasked = await eco(['profiles', 'rm', 'prod'], { env });
    assert.deepEqual([unasked.code, /--yes/.test(unasked.stderr)], [2, true]);
    assert.equal((await eco(['logout'], { env })).stdout, 'Logged out: "prod" is forgotten.\n');
    assert.equal((await eco(['profiles', 'remove', 'default', '--yes'], { env })).code, 0);
    assert.match((await eco(['profiles', 'list'], { env })).stderr, /Nobody is logged in/);
  });

  test('a broken settings file is named, with the command that looks into it', async () => {
    const { env, path } = home();
    writeFileSync(path, '{');
    const { code, stderr } = await eco(['whoami'], { env });
    assert.match(stderr, new RegExp(`${path} cannot be read: .*\\n {2}eco doctor`));
    assert.equal(code, 2);
    assert.equal((await eco(['help', 'exit-codes'], { env })).code, 0);
  });
});
