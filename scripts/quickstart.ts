/**
 * The main job, start to end, on this machine: a model of one's own from `eco models register` to a streamed and
 * metered answer, and eight streams that go on while a replica dies. Every number it prints is checked; it exits 0
 * only when all of them agree.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Eco } from '../sdk/index.ts';
import { readTallies } from '../server/cluster/simulator/tally.ts';
import { eco as runEco, startDev } from './quickstart/command.ts';
import { check, say, step } from './quickstart/print.ts';
import { streamFor } from './quickstart/streams.ts';

const MODEL = 'my-llama';
const STREAMS = 8;
const SECONDS = 10;
const KILL_AFTER_MS = 4_000;

const directory = mkdtempSync(join(tmpdir(), 'eco-quickstart-'));
const tally = join(directory, 'tally');
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    interrupted = true;
  });
try {
  step('eco dev', 'a server, two local regions with simulated GPUs, an account with credit');
  await using dev = await startDev(directory);
  const eco = new Eco({ apiKey: dev.api_key, baseUrl: dev.url });
  say(`${dev.url} is up`);

  await run('models', 'register', MODEL, '--hf', 'meta-llama/Llama-3.1-8B-Instruct');
  await run(
    'instances',
    'launch',
    MODEL,
    '--image',
    'ecolink/sim',
    '--gpu',
    'h100:1',
    '--arg=--itl=20ms',
    '--arg=--ttft=80ms',
    '--arg=--tokens=60',
    `--arg=--tally=${tally}`,
    '--yes',
    '--wait',
  );
  await run('ps');

  const [instance] = (await eco.instances.list()).data;
  if (!instance) throw new Error('the instance is not listed');
  const replicas = (await eco.workloads.replicas(instance.id)).data;
  check(
    `2 replicas in 2 regions: ${replicas.map((replica) => replica.region).join(', ')}`,
    new Set(replicas.map((r) => r.region)).size === 2,
  );

  step(
    `client.chat.completions.create({ model: '${instance.ref}', stream: true, … })`,
    'the openai package, unchanged',
  );
  const openai = await eco.openai({ maxRetries: 0 });
  const first = await openai.chat.completions.create({
    model: instance.ref,
    stream: true,
    max_tokens: 12,
    messages: [{ role: 'user', content: 'The quick brown fox jumps over the lazy dog.' }],
  });
  let answer = '';
  let printed = 0;
  for await (const chunk of first) {
    const text = chunk.choices[0]?.delta.content ?? '';
    if (text !== '') printed++;
    answer += text;
  }
  say(answer);

  const victim = replicas[0];
  if (!victim?.pid) throw new Error('a local replica has a process id');
  step(
    `kill -9 ${victim.pid}`,
    `${STREAMS} streams at a time for ${SECONDS} s; after ${KILL_AFTER_MS / 1000} s the replica in ${victim.region} dies between two tokens`,
  );
  let alive = true;
  const killAt = Date.now() + KILL_AFTER_MS;
  const onToken = (region: string) => {
    if (!alive || region !== victim.region || Date.now() < killAt) return;
    alive = false;
    process.kill(Number(victim.pid), 'SIGKILL');
  };
  const load = { url: dev.url, apiKey: dev.api_key, model: instance.ref, streams: STREAMS, seconds: SECONDS, onToken };
  const result = await streamFor(load);
  printed += result.tokens;
  say(
    `${result.completed} streams completed (${Object.entries(result.regions)
      .map(([region, count]) => `${region}: ${count}`)
      .join(', ')}), ${result.cut} cut, ${result.failed} failed`,
  );
  check('no call failed that had no content yet', result.failed === 0);
  check(
    'every cut stream ended with an error event and without [DONE]',
    result.cut > 0 && result.cut === result.cutWithError,
  );

  const tallies = readTallies(tally);
  const sent = tallies.reduce((sum, request) => sum + request.completion_tokens, 0);
  // killed in the very write of a token, a simulator cannot say whether it went out
  const unsure = tallies.reduce((sum, request) => sum + request.unconfirmed_tokens, 0);
  const tallied = `${sent} sent by both simulators${unsure === 0 ? '' : `, ${unsure} of them perhaps`}`;
  check(`${printed} tokens printed here, ${tallied}`, printed <= sent && printed >= sent - unsure);
  const billed = await until(async () => {
    const rows = (await eco.billing.usage({ group_by: 'workload' })).data;
    return rows.find((row) => row.workload_id === instance.id && row.output_tokens >= printed);
  });
  check(
    `${billed?.output_tokens ?? 0} output tokens in ${billed?.requests ?? 0} usage records, cost $${billed?.cost ?? '?'} (the hold has paid)`,
    billed?.output_tokens === printed,
  );

  await run('chat', 'llama-3.1-8b-instruct', 'Say something.');
  await run('billing', 'usage', '--by', 'model');
  await run('billing', 'balance');
  await run('stop', String(instance.id), '--wait');
  await run('billing', 'transactions');
  await runEco(dev, ['admin', 'audit'], { admin: true });

  say('\nAll of it agrees. To keep it running: npx eco dev');
  async function run(...args: string[]) {
    await runEco(dev, args);
  }
} catch (error) {
  if (!interrupted) throw error;
  process.exitCode = 130; // the server has ended, so what was under way broke off
} finally {
  rmSync(directory, { recursive: true, force: true });
}

/** The last batch of usage is written within a second. */
async function until<T>(ask: () => Promise<T | undefined>): Promise<T | undefined> {
  const deadline = Date.now() + 5_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || Date.now() > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
