import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { embed, similarity } from '../server/cluster/simulator/services/vectors/embed.ts';
import { countTokens } from '../server/cluster/simulator/tokenizer.ts';
import { post, startSim } from './sim.ts';

const near = (left: string, right: string) => similarity(embed(left, 1024), embed(right, 1024));

describe('a vector of the simulator', () => {
  test('has unit length, and the same text the same vector', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 2_000 }), (text, dimensions) => {
        const vector = embed(text, dimensions);
        assert.equal(vector.length, dimensions);
        assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-5);
        assert.deepEqual(embed(text, dimensions), vector);
      }),
    );
  });

  test('lies nearer to a related text than to an unrelated one', () => {
    for (const [text, related, unrelated] of [
      ['How do I reset my password?', 'Resetting a forgotten password', 'Our cafeteria serves soup on Mondays'],
      ['The cat sat on the mat', 'A cat is sitting on a mat', 'Quarterly revenue grew by a fifth'],
      ['kubernetes pods crash while starting', 'A pod of Kubernetes that crashes', 'The best bread needs time to rise'],
      ['Wie spät ist es in Zürich?', 'Zürich: wie spät es ist', 'Ein Rezept für Apfelkuchen'],
    ] as const)
      assert.ok(
        near(text, related) > near(text, unrelated) + 0.2,
        `${text}: ${near(text, related)}, ${near(text, unrelated)}`,
      );
  });
});

describe('embeddings of the simulator', () => {
  test('come one for each input, alike as floats and as base64, and cost the tokens of the inputs', async () => {
    await using sim = await startSim();
    const input = ['first text', 'second text, longer'];
    const floats = await sim.openai.embeddings.create({ model: 'm', input, encoding_format: 'float' });
    const usual = await sim.openai.embeddings.create({ model: 'm', input }); // the client asks for base64 and decodes it
    assert.deepEqual(floats.data, usual.data);
    assert.deepEqual(
      floats.data.map(({ index, embedding }) => [index, embedding.length]),
      [
        [0, 1024],
        [1, 1024],
      ],
    );
    const tokens = input.reduce((sum, text) => sum + countTokens(text), 0);
    assert.deepEqual(floats.usage, { prompt_tokens: tokens, total_tokens: tokens });
  });

  test('have as many dimensions as the request, else the option, says', async () => {
    await using sim = await startSim({ dimensions: 384 });
    const lengthOf = async (dimensions?: number) =>
      (await sim.openai.embeddings.create({ model: 'm', input: 'x', ...(dimensions && { dimensions }) })).data[0]
        ?.embedding.length;
    assert.deepEqual([await lengthOf(), await lengthOf(64)], [384, 64]);
  });

  test('take lists of tokens', async () => {
    await using sim = await startSim();
    const one = await sim.openai.embeddings.create({ model: 'm', input: [5, 6, 7] });
    const two = await sim.openai.embeddings.create({ model: 'm', input: [[5, 6, 7], [8]] });
    assert.deepEqual(
      [one.data.length, one.usage.prompt_tokens, two.data.length, two.usage.prompt_tokens],
      [1, 3, 2, 4],
    );
    assert.deepEqual(one.data[0]?.embedding, two.data[0]?.embedding);
  });

  test('of nothing are refused', async () => {
    await using sim = await startSim();
    await assert.rejects(sim.openai.embeddings.create({ model: 'm', input: [] }), { status: 400, message: /input: / });
  });
});

describe('rerank of the simulator', () => {
  const query = 'How long does shipping take?';
  const documents = [
    'Our offices are in Bern.',
    { text: 'Shipping takes three days.' },
    'How long shipping does take: a day',
    'Cats purr.',
  ];

  interface Ranking {
    results: { index: number; relevance_score: number; document?: { text: string } }[];
    usage: { total_tokens: number };
  }
  const rank = async (url: string, body: object) =>
    (await (await post(url, { model: 'm', query, documents, ...body })).json()) as Ranking;

  for (const path of ['/v1/rerank', '/rerank', '/v2/rerank'])
    test(`sorts by how near each document is, on ${path}`, async () => {
      await using sim = await startSim();
      const { results, usage } = await rank(sim.url + path, {});
      assert.deepEqual(results.map(({ index }) => index).slice(0, 2), [2, 1]);
      const scores = results.map(({ relevance_score }) => relevance_score);
      assert.deepEqual(
        scores,
        scores.toSorted((a, b) => b - a),
      );
      assert.ok(scores.every((score) => score > 0 && score < 1));
      assert.ok(scores[0]! > 0.8 && scores[3]! < 0.2, scores.join(' '));
      assert.ok(usage.total_tokens > 4 * countTokens(query));
      assert.equal(results[0]?.document, undefined);
    });

  test('gives only the best, with their text, where asked', async () => {
    await using sim = await startSim();
    const { results } = await rank(`${sim.url}/v1/rerank`, { top_n: 2, return_documents: true });
    assert.deepEqual(
      results.map(({ document }) => document?.text),
      [documents[2], 'Shipping takes three days.'],
    );
  });

  test('refuses to rank nothing', async () => {
    await using sim = await startSim();
    const response = await post(`${sim.url}/v1/rerank`, { model: 'm', query, documents: [] });
    assert.deepEqual([response.status, /documents: /.test(await response.text())], [400, true]);
  });
});
