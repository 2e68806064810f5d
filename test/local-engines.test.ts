import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { findInstalled, findProgram } from '../server/cluster/local/command.ts';
import { startEco, type TestEco } from './harness.ts';
import { eco as run } from './run-eco.ts';

/** Stands in for llama-server: notes what it was started with, and answers as much of it as a chat needs. */
const STUB = `
const { writeFileSync } = require('node:fs');
const flag = (name) => process.argv[process.argv.indexOf(name) + 1];
const { HF_TOKEN, CUDA_VISIBLE_DEVICES, CONTEXT } = process.env;
writeFileSync(__dirname + '/started.json', JSON.stringify({ argv: process.argv.slice(2), env: { HF_TOKEN, CUDA_VISIBLE_DEVICES, CONTEXT } }));
console.log('loading with token ' + HF_TOKEN);
require('node:http').createServer((request, response) => {
  if (request.method === 'GET') return response.writeHead(request.url === '/health' ? 200 : 404).end();
  let text = '';
  request.on('data', (part) => (text += part)).on('end', () => {
    const { model } = JSON.parse(text);
    if (model !== flag('--alias')) return response.writeHead(404).end();
    const choices = [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'from the stub' } }];
    const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ id: 'c', object: 'chat.completion', created: 0, model, choices, usage }));
  });
}).listen(flag('--port'), flag('--host'));
`;

/** Stands in for ollama: its commands speak to its server, and what they ask for is kept for the next one. */
const OLLAMA = `
const { appendFileSync, readFileSync } = require('node:fs');
const [command, ...rest] = process.argv.slice(2);
const kept = __dirname + '/ollama-models';
const [host, port] = process.env.OLLAMA_HOST.split(':');
if (command === 'serve') {
  const server = require('node:http').createServer((request, response) => {
    if (request.method === 'POST') appendFileSync(kept, decodeURIComponent(request.url.slice(1)) + '\\n');
    response.end(request.url === '/models' ? readFileSync(kept) : 'Ollama is running');
  });
  server.listen(port, host);
} else {
  const method = command === 'list' ? 'GET' : 'POST';
  const url = 'http://' + process.env.OLLAMA_HOST + '/' + encodeURIComponent([command, ...rest].join(' '));
  fetch(url, { method }).catch(() => process.exit(1));
}
`;

describe('an engine of this machine', () => {
  const bin = mkdtempSync(join(tmpdir(), 'eco-engines-'));
  const path = process.env.PATH;
  let server: TestEco;
  before(async () => {
    program('llama-server', STUB);
    process.env.PATH = `${bin}:${path}`;
    server = await startEco();
  });
  after(async () => {
    process.env.PATH = path;
    await server[Symbol.asyncDispose]();
    rmSync(bin, { recursive: true });
  });

  const program = (name: string, script: string) => {
    writeFileSync(join(bin, name), `#!${process.execPath}\n${script}`);
    chmodSync(join(bin, name), 0o755);
  };
  const cli = (args: string[]) => run(args, { env: { ECO_API_URL: server.url, ECO_API_KEY: server.apiKey } });

  test('runs in a local region where its program is installed: from the launch to an answer', async () => {
    const source = { type: 'huggingface', repo: 'org/model-GGUF', revision: 'main' } as const;
    await server.eco.models.register({ name: 'my-gguf', source, token: 'hf_secret_token' });
    const env = join(bin, 'app.env');
    writeFileSync(env, 'CONTEXT="4096"\n');
    const flags = ['--engine', 'llama.cpp', '--region', 'local-a', '--arg=-c', '--arg=4096', '--env-file', env];
    const launched = await cli(['instances', 'launch', 'my-gguf', ...flags, '--yes', '--wait', '--json']);
    assert.equal(launched.code, 0, launched.stderr + launched.stdout);
    const { id, ref, engine, state, args } = launched.json();
    assert.deepEqual([engine, state], ['llama.cpp', 'running']);
    assert.ok(args.includes('$(PORT)'), 'each replica has a port of its own');

    const started = JSON.parse(readFileSync(join(bin, 'started.json'), 'utf8'));
    const [replica] = (await server.eco.workloads.replicas(id)).data;
    const port = String(replica?.address).split(':')[1];
    assert.equal(
      started.argv.join(' '),
      `--hf-repo org/model-GGUF --alias my-gguf --host 127.0.0.1 --port ${port} --metrics -c 4096`,
    );
    assert.deepEqual(
      { ...started.env, CUDA_VISIBLE_DEVICES: undefined },
      { HF_TOKEN: 'hf_secret_token', CONTEXT: '4096', CUDA_VISIBLE_DEVICES: undefined },
    );

    const answer = await server.eco.chat.create({ model: ref, messages: [{ role: 'user', content: 'Hello' }] });
    assert.equal(answer.choices[0]?.message.content, 'from the stub');
    const lines = await Array.fromAsync(server.eco.workloads.logs(id, {}));
    assert.deepEqual(
      lines.map(({ text }) => text),
      ['loading with token ********'],
    );
    assert.ok(!JSON.stringify(launched.json()).includes('hf_secret'));
  });

  test('that is not installed is refused with its program and the ways out, before anything is held', async () => {
    await server.eco.models.register({ name: 'plain', source: { type: 'huggingface', repo: 'org/model' } });
    const { available } = await server.eco.billing.balance();
    await assert.rejects(server.eco.instances.launch({ model: 'plain', engine: 'lmdeploy' }), {
      code: 'not_supported',
      message: /no "lmdeploy" on the PATH: install lmdeploy, or use --image ecolink\/sim .* or --command/,
      hint: 'eco instances launch plain --image ecolink/sim',
    });
    assert.equal((await server.eco.billing.balance()).available, available);
    const { stderr, code } = await cli(['instances', 'launch', 'plain', '--engine', 'tei', '--yes']);
    assert.match(stderr, /tei does not serve chat models; vllm, sglang, .* do/);
    assert.equal(code, 2);
    const unknown = await cli(['instances', 'launch', 'plain', '--engine', 'trtllm']);
    assert.match(unknown.stderr, /--engine=trtllm.* one of: vllm, sglang/);
  });

  test('ollama fetches the model and names it before it is ready', async () => {
    program('ollama', OLLAMA);
    await server.eco.models.register({ name: 'my-ollama', source: { type: 'huggingface', repo: 'org/model-GGUF' } });
    const { id } = await server.eco.instances.launch({ model: 'my-ollama', engine: 'ollama', regions: ['local-a'] });
    await server.eco.instances.waitUntilRunning(id);
    const [replica] = (await server.eco.workloads.replicas(id)).data;
    const models = await (await fetch(`http://${replica?.address}/models`)).text();
    assert.equal(models, 'pull hf.co/org/model-GGUF\ncp hf.co/org/model-GGUF my-ollama\n');
    const others = Number(String(replica?.address).split(':')[1]) - 1;
    await assert.rejects(fetch(`http://127.0.0.1:${others}`), 'the one that fetched has ended');
  });

  test('is found on the PATH by its own program', () => {
    assert.ok(findInstalled(bin).includes('llama.cpp'));
    assert.deepEqual(findInstalled(''), ['sim']);
  });
});

const ENGINE_TIMEOUT_MS = 60_000;
const installed = findInstalled().filter((name) => name !== 'sim');
const noEngine = installed.length === 0 && 'no engine is installed here';

const noProgram = (engine: string, program: string) =>
  !installed.includes(engine) && `${program} is not installed here`;

describe('engines that are really installed here', { skip: noEngine }, () => {
  for (const [engine, program, flags] of [
    ['llama.cpp', 'llama-server', ['--hf-repo', '--alias', '--metrics', '--embeddings', '--reranking']],
    ['vllm', 'vllm', ['--served-model-name', '--tensor-parallel-size', '--runner']],
    ['tei', 'text-embeddings-router', ['--model-id', '--served-model-name', '--hostname']],
  ] as const) {
    const noHelp = noProgram(engine, program);
    test(`${engine} knows the flags that it is given`, { skip: noHelp, timeout: ENGINE_TIMEOUT_MS }, async () => {
      const help = engine === 'vllm' ? ['serve', '--help=all'] : ['--help'];
      const { stdout } = await promisify(execFile)(String(findProgram(program, '/', process.env.PATH)), help);
      for (const flag of flags) assert.ok(stdout.includes(flag), flag);
    });
  }

  const weights = process.env.ECO_TEST_GGUF;
  const noWeights = noProgram('llama.cpp', 'llama-server') || (!weights && 'ECO_TEST_GGUF names no file of weights');
  test('llama.cpp answers from real weights', { skip: noWeights, timeout: ENGINE_TIMEOUT_MS }, async () => {
    await using server = await startEco();
    await server.eco.models.register({ name: 'real', source: { type: 'image' } });
    const args = ['--model', String(weights)];
    const { id, ref } = await server.eco.instances.launch({
      model: 'real',
      engine: 'llama.cpp',
      image: 'ghcr.io/ggml-org/llama.cpp:server',
      args,
    });
    await server.eco.instances.waitUntilRunning(id);
    const messages = [{ role: 'user' as const, content: 'Say hello.' }];
    const answer = await server.eco.chat.create({ model: ref, messages, max_tokens: 8 });
    assert.ok(answer.choices[0]?.message.content);
    assert.ok((answer.usage?.completion_tokens ?? 0) > 0);
  });
});
