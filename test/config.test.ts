import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { readConfig } from '../server/config.ts';
import { openSecrets } from '../server/secrets.ts';

const directory = mkdtempSync(join(tmpdir(), 'eco-config-'));
after(() => rmSync(directory, { recursive: true }));

function configFile(text: string): string {
  const path = join(directory, 'ecolink.yaml');
  writeFileSync(path, text);
  return path;
}

const region = (name: string, more = '') => `  - name: ${name}
    kind: kubernetes
    kubeconfig: a.yaml
    gpus:
      - type: h100
        price_per_hour: "3.20"
${more}        node_labels: { gpu: h100 }
`;

describe('configuration', () => {
  test('defaults stand where nothing is said', () => {
    const config = readConfig(configFile(''), {});
    assert.deepEqual([config.listen, config.gateway.connect_timeout_ms], ['127.0.0.1:8080', 2_000]);
  });

  for (const [title, text, expected] of [
    ['an unknown key', 'listen: 127.0.0.1:1\nlisten_port: 80\n', /ecolink\.yaml:2: unknown setting "listen_port"/],
    [
      'an unknown key inside',
      'gateway:\n  connect_timeout_ms: 5\n  idle: 3\n',
      /ecolink\.yaml:3: unknown setting "gateway\.idle"/,
    ],
    ['a wrong value', 'log_level: info\ndrain_ms: soon\n', /ecolink\.yaml:2: drain_ms: /],
    [
      'a wrong value in a list',
      'regions:\n  - name: A!\n    kind: local\n    gpus: []\n',
      /ecolink\.yaml:2: regions\.0\.name: must begin/,
    ],
    [
      'a wrong value in a list that could be a word',
      'regions:\n  - name: a\n    kind: local\n    gpus:\n      - type: h100\n        count: many\n',
      /ecolink\.yaml:6: regions\.0\.gpus\.0\.count: /,
    ],
    [
      'a word that is another',
      'regions:\n  - name: a\n    kind: local\n    gpus: all\n',
      /ecolink\.yaml:4: regions\.0\.gpus: .*"auto"/,
    ],
    [
      'an unknown key of a Kubernetes region',
      'regions:\n  - name: a\n    kind: kubernetes\n    kubeconfig: a.yaml\n    gpus: []\n    budgets: 5\n',
      /ecolink\.yaml:6: unknown setting "regions\.0\.budgets"/,
    ],
    [
      'an unknown key inside a Kubernetes region',
      `regions:\n${region('a', '        taint: gpu\n')}`,
      /ecolink\.yaml:8: unknown setting "regions\.0\.gpus\.0\.taint"/,
    ],
    [
      'a Kubernetes region without a way to its cluster',
      `regions:\n${region('a').replace('    kubeconfig: a.yaml\n', '')}`,
      /ecolink\.yaml:2: regions\.0\.kubeconfig: must be given, or in_cluster: true instead/,
    ],
    [
      'a filesystem of two regions',
      'regions:\n  - { name: a, kind: local, gpus: auto, filesystems: [{ name: fs, path: /a }] }\n  - name: b\n    kind: local\n    gpus: auto\n    filesystems:\n      - name: fs\n        path: /b\n',
      /ecolink\.yaml:7: regions\.1\.filesystems\.0\.name: must be another than "fs", which a has/,
    ],
    [
      'a folder that is not written in the one way',
      'regions:\n  - name: a\n    kind: local\n    gpus: auto\n    filesystems:\n      - name: fs\n        path: /a/../b\n',
      /ecolink\.yaml:7: regions\.0\.filesystems\.0\.path: must begin with "\/"/,
    ],
    ['broken YAML', 'listen: [\n', /ecolink\.yaml:\d+: /],
  ] as const) {
    test(`${title} is an error that names the line`, () =>
      assert.throws(() => readConfig(configFile(text), {}), { name: 'ConfigError', message: expected }));
  }

  test('the region that a guide describes is one', () => {
    const guide = readFileSync(new URL('../docs/how-to/add-a-region.md', import.meta.url), 'utf8');
    const [, yaml = ''] = /```yaml\n(.*?)```/s.exec(guide) ?? [];
    const { regions } = readConfig(configFile(yaml), {});
    assert.deepEqual(
      regions.map(({ name, kind, gpus }) => [name, kind, gpus.length]),
      [['eu-1', 'kubernetes', 2]],
    );
  });

  test('the environment goes before the file, flags before the environment', () => {
    const path = configFile('listen: 127.0.0.1:1\nlog_level: warn\n');
    const config = readConfig(path, { ECO_LISTEN: '127.0.0.1:2', ECO_LOG_LEVEL: 'error' }, { listen: '127.0.0.1:3' });
    assert.deepEqual([config.listen, config.log_level], ['127.0.0.1:3', 'error']);
  });
});

describe('secrets', () => {
  const path = join(directory, 'data', 'secrets.json');

  test('they are made at first start, readable by their owner alone, and stay the same', () => {
    const first = openSecrets(path, {});
    const second = openSecrets(path, {});
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.ok(first.newAdminKey?.startsWith('ecoadmin_'));
    assert.equal(second.newAdminKey, undefined);
    assert.ok(second.isAdminKey(String(first.newAdminKey)));
    assert.equal(second.decrypt(first.encrypt('hf_token')), 'hf_token');
    assert.equal(second.hashKey('eco_x'), first.hashKey('eco_x'));
  });

  test('a sealed text that was changed does not open', () => {
    const secrets = openSecrets(path, {});
    const sealed = Buffer.from(secrets.encrypt('hf_token'), 'base64');
    sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
    assert.throws(() => secrets.decrypt(sealed.toString('base64')));
  });

  test('the environment goes before the file', () => {
    const ECO_ADMIN_KEY = `ecoadmin_${'k'.repeat(32)}`;
    const secrets = openSecrets(path, { ECO_ADMIN_KEY, ECO_PEPPER: 'p'.repeat(32) });
    assert.ok(secrets.isAdminKey(ECO_ADMIN_KEY));
    assert.notEqual(secrets.hashKey('eco_x'), openSecrets(path, {}).hashKey('eco_x'));
  });

  test('the admin key of a first start fits the pepper that the environment gave', () => {
    const fresh = join(directory, 'peppered', 'secrets.json');
    const env = { ECO_PEPPER: 'p'.repeat(32) };
    const { newAdminKey } = openSecrets(fresh, env);
    assert.ok(openSecrets(fresh, env).isAdminKey(String(newAdminKey)));
    assert.equal(statSync(join(directory, 'peppered')).mode & 0o777, 0o700);
  });

  test('a secret of the environment that protects nothing is refused, an empty one is none', () => {
    for (const name of ['ECO_PEPPER', 'ECO_ENCRYPTION_KEY', 'ECO_ADMIN_KEY']) {
      assert.throws(() => openSecrets(path, { [name]: 'short' }), new RegExp(`${name} must`));
      assert.equal(openSecrets(path, { [name]: '' }).hashKey('eco_x'), openSecrets(path, {}).hashKey('eco_x'));
    }
  });
});
