import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { enginesPage } from '../scripts/reference/engines.ts';
import { EcoError, engineNames, LaunchInput, type ModelCategory, type ModelSource } from '../sdk/contract/index.ts';
import type { Stock } from '../server/regions/stock.ts';
import { chooseEngine } from '../server/workloads/engines/choose.ts';
import type { Engine } from '../server/workloads/engines/engine.ts';
import { defaultEngine, engineByName, engineOf, engines, usageOf } from '../server/workloads/engines/index.ts';
import { planSpec } from '../server/workloads/launch/plan-launch.ts';
import { root } from './run-eco.ts';

const sources: Record<string, ModelSource> = {
  huggingface: { type: 'huggingface', repo: 'org/model', revision: 'main' },
  filesystem: { type: 'filesystem', filesystem: 'shared', path: '/shared/models/my-ft' },
  platform: { type: 'platform', platform_model: 'org/platform-model' },
  image: { type: 'image' },
};

const listen = { host: '0.0.0.0', port: '8000' };
const argsOf = (engine: Engine, source: ModelSource, gpus = 1, category = engine.categories[0]!) =>
  engine.args({ source, servedName: 'my-model', category, gpus, ...listen });

/** As one would type it. */
const typed = (words: readonly string[]) =>
  words.map((word) => (/^[\w./:@=,%+-]+$/.test(word) ? word : `'${word}'`)).join(' ');

describe('engines', () => {
  for (const engine of engines)
    test(`${engine.name} is started with these arguments`, (t) => {
      const counts = [1, 2].filter((gpus) => gpus <= engine.gpusMax);
      const launches = Object.entries(sources).flatMap(([name, source]) =>
        counts.map((gpus) => [`${name}, ${gpus} GPU`, argsOf(engine, source, gpus)] as const),
      );
      const others = engine.categories
        .slice(1)
        .map((category) => [`huggingface, ${category}`, argsOf(engine, sources.huggingface!, 1, category)] as const);
      const { image, entry, program } = engine;
      const head = `image    ${image}\nentry    ${typed(entry) || '(its own)'}\nprogram  ${typed(program) || '(of this server)'}\n`;
      const text = [head, ...[...launches, ...others].map(([name, args]) => `${name}\n  ${typed(args)}\n`)];
      const file = join(root, 'test/snapshots', `engine-${engine.name}.txt`);
      t.assert.fileSnapshot(text.join('\n'), file, { serializers: [String] });
    });

  test('the table has every engine of the contract under its own name', () => {
    assert.deepEqual(
      engines.map(({ name }) => name),
      engineNames,
    );
    for (const name of engineNames) assert.equal(engineByName(name).name, name);
  });

  test('the reference is what the table says', () => {
    assert.equal(readFileSync(join(root, 'docs/reference/engines.md'), 'utf8'), enginesPage());
  });

  for (const [image, name] of [
    ['vllm/vllm-openai:v0.11.0', 'vllm'],
    ['registry.example.com/team/vllm-openai@sha256:00', 'vllm'],
    ['vllm/vllm-omni:latest', 'custom'],
    ['team/notvllm', 'custom'],
    ['lmsysorg/sglang:v0.5.5-cu129', 'sglang'],
    ['ghcr.io/huggingface/text-generation-inference:3.3.4', 'tgi'],
    ['openmmlab/lmdeploy:v0.10.0-cu12', 'lmdeploy'],
    ['ollama/ollama', 'ollama'],
    ['ghcr.io/ggml-org/llama.cpp:server-cuda', 'llama.cpp'],
    ['ghcr.io/ggml-org/llamaXcpp:server', 'custom'],
    ['michaelf34/infinity:0.0.77', 'infinity'],
    ['ghcr.io/huggingface/text-embeddings-inference:89-1.8', 'tei'],
    ['ecolink/sim', 'sim'],
    ['ecolink/sim:1', 'sim'],
    ['somebody/ecolink/sim', 'custom'],
    ['none', 'custom'],
  ] as const)
    test(`image ${image} is ${name}`, () => assert.equal(engineOf(image).name, name));

  test('the usual image of each engine is recognised as that engine', () => {
    for (const engine of engines) assert.equal(engineOf(engine.image), engine);
  });

  test('the usual engine of a category serves it; three categories have none', () => {
    const usual = (['chat', 'embedding', 'reranker', 'image', 'audio', 'video'] as const).map((category) => {
      const engine = defaultEngine(category);
      assert.ok(!engine || engine.categories.includes(category));
      return engine?.name;
    });
    assert.deepEqual(usual, ['vllm', 'tei', 'vllm', undefined, undefined, undefined]);
  });

  test('streams tell usage in every event only where the engine can', () => {
    assert.deepEqual(['vllm', 'sim', 'sglang', 'llama.cpp', 'tei', 'upstream'].map(usageOf), [
      'continuous',
      'continuous',
      'continuous',
      'final',
      'none',
      'final',
    ]);
  });

  test('an engine that reads GGUF files refuses a revision; a platform model without a repository is refused', () => {
    const revised = { ...sources.huggingface, revision: 'v2' } as ModelSource;
    for (const name of ['llama.cpp', 'ollama'] as const)
      assert.throws(() => argsOf(engineByName(name), revised), { code: 'not_supported', message: /revision "v2"/ });
    assert.throws(() => argsOf(engineByName('vllm'), { type: 'platform', platform_model: 'kokoro' }), {
      code: 'not_supported',
      message: /"kokoro" is not the name of a Hugging Face repository/,
    });
  });
});

const asked = (more: object) => LaunchInput.parse({ model: 'm', ...more });
const chosen = (more: object, category: ModelCategory = 'chat') => {
  const { engine, image } = chooseEngine(asked(more), { name: 'm', category });
  return `${engine.name} ${image}`;
};

describe('the choice of an engine', () => {
  for (const [title, more, category, expected] of [
    ['nothing said', {}, 'chat', 'vllm vllm/vllm-openai:latest'],
    ['an engine', { engine: 'sglang' }, 'chat', 'sglang lmsysorg/sglang:latest'],
    ['an image', { image: 'lmsysorg/sglang:v0.5' }, 'chat', 'sglang lmsysorg/sglang:v0.5'],
    ['an unknown image', { image: 'me/mine:1' }, 'video', 'custom me/mine:1'],
    ['an engine in an image of one’s own', { engine: 'vllm', image: 'me/mine:1' }, 'chat', 'vllm me/mine:1'],
    ['a command', { command: ['python'] }, 'image', 'custom none'],
    ['audio on vLLM', { engine: 'vllm', image: 'me/vllm-audio:1' }, 'audio', 'vllm me/vllm-audio:1'],
    ['a custom API', { engine: 'tei', custom_api_path: '/rerank' }, 'reranker', `tei ${engineByName('tei').image}`],
  ] as const)
    test(`${title} for ${category} gives ${expected}`, () => assert.equal(chosen(more, category), expected));

  const refused = (more: object, category: ModelCategory, message: RegExp) =>
    assert.throws(
      () => chosen(more, category),
      (error) => error instanceof EcoError && error.code === 'invalid_request' && message.test(error.message),
    );

  test('an engine that does not serve the category is refused with those that do', () => {
    refused(
      { engine: 'tgi' },
      'embedding',
      /tgi does not serve embedding models; vllm, sglang, .* infinity, tei and sim do/,
    );
    refused({ engine: 'vllm' }, 'video', /vllm does not serve video models; sim does/);
  });

  test('a category without a usual engine says what to name', () => {
    refused({}, 'audio', /no engine is the usual one for audio .*; vllm and sim do\. .*--engine.*--image or --command/);
  });

  test('more GPUs than an engine has a use for are refused', () => {
    refused({ engine: 'tei', gpu: { count: 2 } }, 'embedding', /gpu\.count: tei has a use for 1 GPU/);
  });
});

describe('the spec of a launch', () => {
  const region = (name: string, kind: Stock['kind']): Stock => ({
    region: name,
    kind,
    engines: ['sim', 'llama.cpp'],
    offers: [],
    unreachable: null,
  });
  const specOf = (more: object, kind: Stock['kind'] = 'local') => {
    const placed = { region: 'a', replicas: 1, price_per_gpu_hour: '1.00', free: 8, largest_free_block: 8 };
    return planSpec(asked(more), {
      model: { name: 'my-model', category: 'chat' } as never,
      source: sources.huggingface!,
      placement: { gpu: { type: 'h100', count: 1 }, placements: [placed], candidates: [], notes: [] },
      filesystems: [],
      isSystem: false,
      stock: [region('a', kind)],
    });
  };

  test('a local replica is told its port, a container listens on the engine’s; own arguments come last', () => {
    const local = specOf({ engine: 'llama.cpp', args: ['-c', '4096'] });
    assert.deepEqual([local.engine, local.port, local.health_path], ['llama.cpp', null, '/health']);
    assert.deepEqual(local.args.slice(-5), ['--port', '$(PORT)', '--metrics', '-c', '4096']);
    assert.equal(specOf({}, 'kubernetes').port, 8000);
    assert.equal(specOf({ port: 9000 }).port, 9000);
  });

  test('health path and environment are the engine’s where the launch says nothing', () => {
    const { health_path, env } = specOf({ engine: 'ollama', env: { A: 'b' } });
    assert.deepEqual([health_path, env], ['/', { OLLAMA_KEEP_ALIVE: '-1', A: 'b' }]);
    assert.equal(specOf({ engine: 'ollama', health_path: '/ready' }).health_path, '/ready');
  });

  test('a command gets no arguments of an engine, but may say which one it is', () => {
    const { engine, image, args } = specOf({ command: ['python', 'serve.py'], args: ['--fast'] });
    assert.deepEqual([engine, image, args], ['custom', 'none', ['--fast']]);
    assert.equal(specOf({ command: ['my-vllm'], engine: 'vllm' }).engine, 'vllm');
  });
});
