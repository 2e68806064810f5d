import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  type Alias,
  getAlias,
  getWorkload,
  listAliases,
  removeAlias,
  setAlias,
  stopWorkload,
  terminateWorkload,
  updateModel,
} from '../sdk/index.ts';
import { type FakeApi, openFakeApi } from './fakes/api.ts';
import { model, pageOf, workload } from './fakes/documents.ts';
import { eco } from './run-eco.ts';

const alias: Alias = {
  object: 'alias',
  name: 'assistant',
  workload_id: 142,
  ref: 'my-llama:142',
  fingerprint: null,
  updated_at: Date.now(),
};

describe('names and sources that change', { concurrency: 3 }, () => {
  let api: FakeApi;
  before(async () => {
    api = await openFakeApi();
    for (const endpoint of [setAlias, getAlias, removeAlias]) api.on(endpoint, () => alias);
    api.on(listAliases, () => pageOf(alias));
    api.on(getWorkload, () => workload());
    api.on(stopWorkload, () => workload({ state: 'stopping' }));
    api.on(terminateWorkload, () => workload({ state: 'stopping' }));
    api.on(updateModel, ({ source }) => model({ ...(source && { source }) }));
  });
  after(() => api[Symbol.asyncDispose]());

  const sentTo = (endpoint: { name: string }) => api.calls.findLast((call) => call.endpoint === endpoint.name)?.input;

  test('an alias is set, shown, listed and removed', async () => {
    const set = await eco(['aliases', 'set', 'assistant', 'my-llama:142'], { api });
    assert.deepEqual([set.code, set.stdout], [0, 'assistant leads to my-llama:142.\n']);
    assert.deepEqual(sentTo(setAlias), { alias: 'assistant', workload: 'my-llama:142' });
    assert.match((await eco(['aliases', 'list'], { api })).stdout, /^NAME +LEADS TO +SINCE\nassistant +my-llama:142 /);
    assert.match(
      (await eco(['aliases', 'show', 'assistant'], { api })).stdout,
      /leads to +my-llama:142\n.*\nstate +running/,
    );
    assert.deepEqual((await eco(['aliases', 'remove', 'assistant', '--json'], { api })).json(), alias);
  });

  test('whoever stops or terminates an instance is told which names lead to it', async () => {
    for (const args of [
      ['stop', '142'],
      ['terminate', '142', '--yes'],
    ]) {
      const { code, stderr } = await eco(args, { api });
      assert.deepEqual(
        [code, stderr],
        [0, 'Calls by the name "assistant" come here: they fail until it leads elsewhere (eco aliases set).\n'],
      );
    }
  });

  test('a model is updated by the flags that register it', async () => {
    const moved = await eco(['models', 'update', 'my-llama', '--hf', 'acme/tuned', '--revision', 'v2'], { api });
    assert.deepEqual([moved.code, moved.stdout], [0, 'my-llama is hf:acme/tuned@v2 from now on.\n']);
    assert.deepEqual(sentTo(updateModel), {
      model: 'my-llama',
      source: { type: 'huggingface', repo: 'acme/tuned', revision: 'v2' },
    });
    await eco(['models', 'update', 'my-llama', '--token-stdin'], { api, input: 'hf_new\n' });
    assert.deepEqual(sentTo(updateModel), { model: 'my-llama', token: 'hf_new' });
    await eco(['models', 'update', 'my-llama', '--forget-token', '-q'], { api });
    assert.deepEqual(sentTo(updateModel), { model: 'my-llama', token: null });
    const nothing = await eco(['models', 'update', 'my-llama'], { api });
    assert.deepEqual([nothing.code, nothing.stderr.includes('Say what changes')], [2, true]);
    assert.equal((await eco(['models', 'update', 'my-llama', '--hf', 'a/b', '--image'], { api })).code, 2);
    assert.equal((await eco(['models', 'register', 'my-llama'], { api })).code, 2);
  });
});
