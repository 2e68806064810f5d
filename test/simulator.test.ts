import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import OpenAI from 'openai';
import { parseOptions } from '../server/cluster/simulator/options.ts';
import { type Simulator, startSimulator } from '../server/cluster/simulator/start.ts';
import { readTallies } from '../server/cluster/simulator/tally.ts';
import { countTokens, tokenize } from '../server/cluster/simulator/tokenizer.ts';
import { tables } from '../server/cluster/simulator/usage.ts';
import { until } from './until.ts';

const QUESTION = [{ role: 'user' as const, content: 'The quick brown fox jumps over the lazy dog.' }];
const FAST = { ttftMs: 0, itlMs: 0 };

/** Asks for a stream and gives its events as they are, with how it ended. */
async function readEvents(simulator: Simulator, body: object, headers: Record<string, string> = {}) {
  const events: string[] = [];
  const response = await fetch(`${simulator.url}/v1/chat/completions`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ model: 'm', stream: true, messages: QUESTION, ...body }),
  });
  let text = '';
  try {
    for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) text += part;
  } catch {
    events.push('cut');
  }
  const whole = text.split('\n\n').flatMap((event) => (event.startsWith('data: ') ? [event.slice(6)] : []));
  return { status: response.status, events: [...whole, ...events] };
}

const contentOf = (events: string[]) =>
  events.flatMap((event) => (event.startsWith('{"id":"') ? (JSON.parse(event).choices[0]?.delta.content ?? []) : []));

describe('the tokenizer', () => {
  test('loses nothing, whatever the text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => tokenize(text).join('') === text));
  });

  test('gives words with the space before them, numbers in threes and long words in parts', () => {
    assert.deepEqual(tokenize('The quick 12345 fox.'), ['The', ' quick', ' 123', '45', ' fox', '.']);
    assert.equal(countTokens('internationalization'), 2);
    assert.equal(countTokens(''), 0);
  });
});

describe('the simulator', () => {
  test('streams role, one token a chunk, finish, usage and [DONE] in this order', async () => {
    await using simulator = await startSimulator(FAST);
    await simulator.loaded;
    const { events } = await readEvents(simulator, { stream_options: { include_usage: true } });
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event));
    assert.deepEqual(chunks[0].choices[0].delta, { role: 'assistant', content: '' });
    assert.deepEqual(contentOf(events).slice(1), tokenize(QUESTION[0]!.content));
    assert.equal(chunks.at(-2).choices[0].finish_reason, 'stop');
    assert.deepEqual(chunks.at(-1).choices, []);
    const tokens = countTokens(QUESTION[0]!.content);
    assert.equal(chunks.at(-1).usage.completion_tokens, tokens);
    assert.ok(chunks.at(-1).usage.prompt_tokens > tokens);
    assert.ok(chunks.slice(0, -1).every((chunk) => !('usage' in chunk)));
    assert.equal(events.at(-1), '[DONE]');
  });

  test('continuous usage counts up in every chunk, by choice', async () => {
    await using simulator = await startSimulator(FAST);
    await simulator.loaded;
    const options = { include_usage: true, continuous_usage_stats: true };
    const { events } = await readEvents(simulator, { n: 2, max_tokens: 3, stream_options: options });
    const chunks = events.slice(0, -2).map((event) => JSON.parse(event));
    for (const index of [0, 1]) {
      const own = chunks.filter((chunk) => chunk.choices[0].index === index);
      assert.deepEqual(
        own.map((chunk) => chunk.usage.completion_tokens),
        [0, 1, 2, 3, 3],
      );
      assert.equal(own.at(-1).choices[0].finish_reason, 'length');
    }
    assert.equal(JSON.parse(events.at(-2)!).usage.completion_tokens, 6);
  });

  test('answers the openai package whole, with stop texts and any model name', async () => {
    await using simulator = await startSimulator(FAST);
    await simulator.loaded;
    const openai = new OpenAI({ baseURL: `${simulator.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const ask = { model: 'any/name', messages: QUESTION };
    const answer = await openai.chat.completions.create({ ...ask, stop: ['fox', 'own'] });
    assert.equal(answer.choices[0]?.message.content, 'The quick br');
    assert.deepEqual([answer.choices[0]?.finish_reason, answer.usage?.completion_tokens], ['stop', 3]);
    assert.equal(answer.model, 'any/name');
    const long = await openai.chat.completions.create({ ...ask, max_tokens: 25, ignore_eos: true } as typeof ask);
    assert.equal(long.usage?.completion_tokens, 25);
    assert.equal((await openai.models.list()).data.length, 1);
  });

  test('seeded words depend on seed and prompt alone', async () => {
    const say = async (seed: number) => {
      await using simulator = await startSimulator({ ...FAST, mode: 'seeded', seed, tokens: 12 });
      await simulator.loaded;
      return contentOf((await readEvents(simulator, {})).events).join('');
    };
    const [once, again, other] = [await say(7), await say(7), await say(8)];
    assert.equal(once, again);
    assert.notEqual(once, other);
    assert.equal(countTokens(once), 12);
  });

  test('while it loads health and calls answer 503, and its log shows the progress', async () => {
    const lines: string[] = [];
    await using simulator = await startSimulator({ ...FAST, loadMs: 80 }, (line) => lines.push(line));
    const health = () => fetch(`${simulator.url}/health`).then((response) => response.status);
    assert.deepEqual([await health(), (await readEvents(simulator, {})).status], [503, 503]);
    await simulator.loaded;
    assert.deepEqual([await health(), (await readEvents(simulator, {})).status], [200, 200]);
    assert.match(lines.join('\n'), /50% Completed[\s\S]*startup complete/);
  });

  test('a client that leaves ends its generation at once, and the log and metrics say so', async () => {
    const lines: string[] = [];
    await using simulator = await startSimulator({ ttftMs: 0, itlMs: 5, tokens: 5_000 }, (line) => lines.push(line));
    await simulator.loaded;
    const metric = async (name: string) => {
      const text = await (await fetch(`${simulator.url}/metrics`)).text();
      return Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`vllm:${name}{`))
          ?.split(' ')
          .at(-1),
      );
    };
    const leave = new AbortController();
    const response = await fetch(`${simulator.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'x-request-id': 'req_left' },
      body: JSON.stringify({ stream: true, messages: QUESTION }),
      signal: leave.signal,
    });
    await response.body?.getReader().read();
    assert.equal(await metric('num_requests_running'), 1);
    leave.abort();
    await until('the log says so', () => lines.some((line) => /aborted request req_left after \d+ tokens/.test(line)));
    assert.equal(await metric('num_requests_running'), 0);
    assert.ok((await metric('generation_tokens_total')) < 500);
  });

  test('more requests than may run wait for their turn', async () => {
    await using simulator = await startSimulator({ ttftMs: 0, itlMs: 10, tokens: 30, maxRunning: 1 });
    await simulator.loaded;
    const answers = [readEvents(simulator, {}), readEvents(simulator, {}), readEvents(simulator, {})];
    await until('two wait', async () =>
      /num_requests_waiting{[^}]*} 2/.test(await (await fetch(`${simulator.url}/metrics`)).text()),
    );
    for (const { events } of await Promise.all(answers)) assert.equal(events.at(-1), '[DONE]');
  });

  for (const [fault, status, ending, tokens] of [
    ['status-429', 429, undefined, 0],
    ['status-500', 500, undefined, 0],
    ['status-503', 503, undefined, 0],
    ['cut:3', 200, 'cut', 3],
    ['no-done', 200, 'finish', 10],
    ['error-event:2', 200, '[DONE]', 2],
    ['malformed:4', 200, '[DONE]', 10],
  ] as const) {
    test(`on demand a request suffers ${fault}`, async () => {
      await using simulator = await startSimulator(FAST);
      await simulator.loaded;
      const { status: got, events } = await readEvents(simulator, {}, { 'x-sim-fail': fault });
      assert.equal(got, status);
      const last = events.at(-1)?.includes('"finish_reason":"stop"') ? 'finish' : events.at(-1);
      assert.deepEqual([last, contentOf(events).filter((text) => text !== '').length], [ending, tokens]);
      assert.equal((await readEvents(simulator, {})).events.at(-1), '[DONE]');
    });
  }

  test('a reset comes before any byte, a hang and a stall last as long as the client', async () => {
    await using simulator = await startSimulator(FAST);
    await simulator.loaded;
    await assert.rejects(readEvents(simulator, {}, { 'x-sim-fail': 'reset' }), /fetch failed/);
    for (const fault of ['hang', 'stall:2']) {
      const signal = AbortSignal.timeout(150);
      const asking = fetch(`${simulator.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'x-sim-fail': fault },
        body: JSON.stringify({ stream: true, messages: QUESTION }),
        signal,
      }).then((response) => response.text());
      await assert.rejects(asking, { name: 'TimeoutError' });
    }
  });

  test('a rate is a share of the requests, the same ones for the same seed', async () => {
    const outcomes = async () => {
      await using simulator = await startSimulator({
        ...FAST,
        ...parseOptions(['--fail', 'status-500:0.5']),
        port: 0,
        ...FAST,
      });
      await simulator.loaded;
      const statuses: number[] = [];
      for (let i = 0; i < 12; i++) statuses.push((await readEvents(simulator, {})).status);
      return statuses;
    };
    const first = await outcomes();
    assert.deepEqual(await outcomes(), first);
    assert.deepEqual([...new Set(first)].toSorted(), [200, 500]);
  });

  test('the tables of its reference page are those of its help', () => {
    const page = readFileSync(new URL('../docs/reference/simulator.md', import.meta.url), 'utf8');
    const cell = (text: string) => text.replaceAll('|', '\\|');
    const code = (text: string) => (text === '' ? '' : `\`${cell(text)}\``);
    const table = (head: string, rows: string[]) => [head, head.replace(/[^|]+/g, '---'), ...rows, ''].join('\n');
    const pairs = (rows: [string, string][]) => rows.map(([name, text]) => `| ${code(name)} | ${cell(text)} |`);
    const options = tables.options.map(([name, fallback, text]) =>
      `| ${code(name)} | ${code(fallback)} | ${cell(text)} |`.replace('|  |', '| |'),
    );
    for (const expected of [
      table('| option | default | |', options),
      table('| engine | |', pairs(tables.personalities)),
      table('| fault | |', pairs(tables.faults)),
      table('| fault | |', pairs(tables.engineFaults)),
    ])
      assert.ok(page.includes(`\n${expected}\n`), `the page lacks this table:\n${expected}`);
  });

  test('options come from flags, then SIM_…, and a wrong one is named', () => {
    const options = parseOptions(['--itl', '5ms'], { SIM_ITL: '1s', SIM_TTFT: '1.5s', PORT: '9000' });
    assert.deepEqual([options.itlMs, options.ttftMs, options.port], [5, 1_500, 9_000]);
    assert.throws(() => parseOptions(['--mode', 'loud']), /--mode: must be echo or seeded/);
    assert.throws(() => parseOptions(['--fail', 'sneeze']), /--fail: "sneeze" is not a fault/);
    assert.throws(() => parseOptions(['--speed', '9']), /speed/);
  });
});

describe('the simulator as a program', () => {
  const program = fileURLToPath(new URL('../server/cluster/simulator/main.ts', import.meta.url));

  async function startProgram(...args: string[]) {
    const child = spawn(process.execPath, [program, '--port', '0', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const exited = once(child, 'exit');
    let url = '';
    const lines = createInterface(child.stdout);
    lines.on('line', (line) => {
      url ||= /Listening on (\S+)/.exec(line)?.[1] ?? '';
    });
    let complaint = '';
    child.stderr.on('data', (text) => {
      complaint += text;
    });
    const isUp = async () => url !== '' && (await fetch(`${url}/health`)).ok;
    return { child, exited, isUp, url: () => url, complaint: () => complaint };
  }

  test('killed between two tokens it leaves the exact number it sent', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'eco-sim-'));
    const tally = join(directory, 'tally');
    const { child, exited, isUp, url } = await startProgram(
      '--tally',
      tally,
      '--ttft',
      '0',
      '--itl',
      '7ms',
      '--tokens',
      '5000',
    );
    try {
      await until('it serves', isUp);
      const received = await Promise.all(
        ['req_a', 'req_b', 'req_c'].map(async (id, at) => {
          const response = await fetch(`${url()}/v1/chat/completions`, {
            method: 'POST',
            headers: { 'x-request-id': id },
            body: JSON.stringify({ stream: true, messages: QUESTION }),
          });
          let text = '';
          let tokens = 0;
          try {
            for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
              text += part;
              tokens = text.split('"delta":{"content"').length - 1;
              if (at === 0 && tokens >= 20 && !child.killed) child.kill('SIGKILL');
            }
          } catch {
            // killed
          }
          return [id, tokens] as const;
        }),
      );
      await exited;
      const tallies = readTallies(tally);
      assert.equal(tallies.length, received.length);
      for (const [id, tokens] of received) {
        const { completion_tokens = 0, unconfirmed_tokens = 0 } =
          tallies.find(({ request_id }) => request_id === id) ?? {};
        const sure = completion_tokens - unconfirmed_tokens;
        assert.ok(tokens === sure || tokens === completion_tokens, `${id}: ${tokens} came, ${sure} were sent for sure`);
      }
      assert.ok(
        tallies.reduce((sum, { unconfirmed_tokens }) => sum + unconfirmed_tokens, 0) <= 1,
        'one write at a time',
      );
    } finally {
      child.kill('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test('SIGTERM lets the answers under way end, refuses new ones, and exits with 0', async () => {
    const { child, exited, isUp, url } = await startProgram('--ttft', '0', '--itl', '20ms', '--tokens', '20');
    try {
      await until('it serves', isUp);
      const response = await fetch(`${url()}/v1/chat/completions`, {
        method: 'POST',
        body: JSON.stringify({ stream: true, messages: QUESTION }),
      });
      child.kill('SIGTERM');
      assert.match(await response.text(), /\[DONE\]/);
      assert.deepEqual(await exited, [0, null]);
      await assert.rejects(fetch(`${url()}/health`));
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('told to fail while it loads it exits with 1 and a trace; a wrong flag exits with 2', async () => {
    const [crash, wrong] = [await startProgram('--fail', 'oom-on-load'), await startProgram('--itl', 'soon')];
    assert.deepEqual([(await crash.exited)[0], (await wrong.exited)[0]], [1, 2]);
    assert.match(crash.complaint(), /torch.OutOfMemoryError/);
    assert.match(wrong.complaint(), /--itl: must be a duration[\s\S]*--ttft duration/);
  });
});
