import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Eco, type LogLine } from '../sdk/index.ts';
import { startEco, type TestEco } from './harness.ts';
import { until } from './until.ts';

/** An engine as somebody would write it in an hour: no stream, no metrics, and it may be told to crash. */
const PROGRAM = `
require('node:http').createServer((request, response) => {
  if (request.method === 'GET') return response.writeHead(request.url === '/health' ? 200 : 404).end();
  let text = '';
  request.on('data', (part) => (text += part)).on('end', () => {
    const { model, messages } = JSON.parse(text);
    const content = messages.at(-1).content.toUpperCase();
    console.log('asked: ' + content);
    if (content === 'CRASH') process.exit(7);
    const choices = [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }];
    const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ id: 'c', object: 'chat.completion', created: 0, model, choices, usage }));
  });
}).listen(process.env.PORT, '127.0.0.1');
`;

describe('a program of one’s own as the replica', () => {
  const folder = mkdtempSync(join(tmpdir(), 'eco-program-'));
  const program = join(folder, 'serve.cjs');
  let server: TestEco;
  before(async () => {
    writeFileSync(program, PROGRAM);
    server = await startEco();
    await server.eco.models.register({ name: 'mine', source: { type: 'image' } });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const launch = (command: string[], more: { port?: number } = {}) =>
    server.eco.instances.launch({ model: 'mine', command, regions: ['local-a'], ...more });
  const failedWith = async (id: number) => {
    const { reason, message } = await server.eco.workloads.waitUntil(id, ['failed']);
    return { reason, message };
  };
  /** Once: a repeated "crash" would crash it again. */
  const ask = (model: string, content: string) =>
    new Eco({ baseUrl: server.url, apiKey: server.apiKey, maxRetries: 0 }).chat.create({
      model,
      messages: [{ role: 'user', content }],
    });

  test('is called through the gateway, logs, is metered, and comes back after a crash', async () => {
    const { id, ref } = await launch([process.execPath, program]);
    await server.eco.instances.waitUntilRunning(id);

    assert.equal((await ask(ref, 'Hello')).choices[0]?.message.content, 'HELLO');
    const isWritten = async () => (await linesOf(id)).some(({ text }) => text === 'asked: HELLO');
    await until('its line is in the logs', isWritten);
    const usage = await until('its usage is written', async () =>
      (await server.eco.billing.usage({ group_by: 'workload' })).data.find(({ workload_id }) => workload_id === id),
    );
    assert.deepEqual([usage.input_tokens, usage.output_tokens], [3, 2]);

    await assert.rejects(ask(ref, 'crash'));
    await until('the crash is seen', async () => (await server.eco.workloads.replicas(id)).data[0]?.restarts === 1);
    const events = (await server.eco.workloads.events(id)).data;
    assert.ok(events.some(({ message }) => /Exited with code 7: asked: CRASH/.test(message)));
    await server.eco.instances.waitUntilRunning(id);
    assert.equal((await ask(ref, 'again')).choices[0]?.message.content, 'AGAIN');
  });

  test('that does not exist fails at once and is named', async () => {
    const { id } = await launch(['no-such-program', program]);
    const { reason, message } = await failedWith(id);
    assert.equal(reason, 'bad_config');
    assert.match(message, /no program "no-such-program" on the PATH/);
  });

  test('that ends by itself fails with its last words', async () => {
    const { id } = await launch([process.execPath, join(folder, 'absent.cjs')]);
    const { reason, message } = await failedWith(id);
    assert.equal(reason, 'crashed');
    assert.match(message, /Crashed 3 times .*Exited with code 1/);
  });

  test('whose port is taken fails and says how to go without one', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const { id } = await launch([process.execPath, program], { port });
    assert.match((await failedWith(id)).message, new RegExp(`Port ${port} is taken .*the one in PORT`));
    other.close();
  });

  async function linesOf(id: number): Promise<LogLine[]> {
    return Array.fromAsync(server.eco.workloads.logs(id, {}));
  }
});
