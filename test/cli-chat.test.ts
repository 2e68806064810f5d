import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createChatCompletion } from '../sdk/index.ts';
import { openFakeApi } from './fakes/api.ts';
import { eco } from './run-eco.ts';

test('eco chat with an engine that answers whole where a stream was asked for names --no-stream', async () => {
  await using api = await openFakeApi();
  const whole = JSON.stringify({ id: 'c', choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' } }] });
  api.raw(createChatCompletion, (res) => {
    res.setHeader('content-type', 'application/json');
    res.end(whole);
  });
  const streamed = await eco(['chat', 'm:1', 'Hi'], { api });
  assert.match(streamed.stderr, /\n {2}If the engine cannot stream: eco chat m:1 --no-stream\n/);
  assert.deepEqual([streamed.code, streamed.stdout], [1, '']);
  const plain = await eco(['chat', 'm:1', 'Hi', '--no-stream'], { api });
  assert.deepEqual([plain.code, plain.stdout], [0, 'Hello\n']);
});
