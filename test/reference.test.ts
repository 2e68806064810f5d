import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { apiPage } from '../scripts/reference/api.ts';
import { cliPage } from '../scripts/reference/cli.ts';
import { configurationPage } from '../scripts/reference/configuration.ts';
import { reasonsPage } from '../scripts/reference/reasons.ts';
import { sdkPage } from '../scripts/reference/sdk.ts';
import { reasons } from '../sdk/contract/index.ts';
import { Eco, endpoints } from '../sdk/index.ts';

/** That the pages on disk are these is checked by `npm run current`. */
describe('the reference leaves nothing out', () => {
  test('every endpoint with each of its fields', () => {
    const page = apiPage(endpoints);
    for (const { method, path } of endpoints) assert.ok(page.includes(`### \`${method} ${path}\``), path);
    assert.match(page, /\| `file` \| body \| string \| mp3, wav/);
    assert.match(page, /`limit`\? \| query \| integer \|/);
  });

  test('every reason with what to do about it', () => {
    const page = reasonsPage();
    for (const reason of reasons) assert.match(page, new RegExp(`\\| \`${reason}\` \\| \\S.+\\. \\| \\S`), reason);
  });

  test('every setting with what it is for', () => {
    const page = configurationPage();
    for (const setting of [
      '`listen`?',
      '`gpus[].devices`?',
      '`kubeconfig`?',
      '`gpus[].node_labels`',
      '`gateway.cidrs`?',
    ])
      assert.ok(page.includes(`| ${setting} |`), setting);
    assert.doesNotMatch(page, /\|\s+\|$/m, 'a setting without a description');
  });

  test('every method of the SDK', () => {
    const page = sdkPage();
    const eco = new Eco({ baseUrl: 'http://eco', apiKey: 'eco_test' });
    const methods = Object.entries(eco).flatMap(([noun, resource]) =>
      methodsOf(resource).map((name) => `### ${noun}.${name}\n`),
    );
    assert.ok(methods.length > 40);
    assert.deepEqual(
      methods.filter((method) => !page.includes(method)),
      [],
    );
  });

  test('every command with its flags', async () => {
    const page = await cliPage();
    assert.match(page, /^## eco instances launch$/m);
    assert.match(page, /`--gpu [^`]+` \|/);
    assert.doesNotMatch(page, /<%=|undefined|\[object/);
  });
});

/** Of its class and those it extends. */
function methodsOf(resource: object): string[] {
  const names: string[] = [];
  for (let proto = Object.getPrototypeOf(resource); proto !== Object.prototype; proto = Object.getPrototypeOf(proto))
    names.push(...Object.getOwnPropertyNames(proto).filter((name) => name !== 'constructor'));
  return names;
}
