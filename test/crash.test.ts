import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Eco, type UsageRow } from '../sdk/index.ts';
import { readTallies } from '../server/cluster/simulator/tally.ts';
import { findProcesses } from './crash/processes.ts';
import { makeInstallation, type ServerProcess } from './crash/server-process.ts';
import { type Asked, sendTraffic } from './crash/traffic.ts';
import { DIALECTS, makeDatabase } from './databases.ts';
import { until } from './until.ts';

/** Few while working; CI asks for 20. */
const ROUNDS = Number(process.env.ECO_CRASH_ROUNDS ?? 2);
const CONVERGE_TIMEOUT_MS = 60_000;

for (const dialect of DIALECTS) {
  test(`a server killed ${ROUNDS} times under traffic, launches and stops loses nothing, on ${dialect}`, {
    skip: !existsSync('/proc/self') && 'needs /proc',
  }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'eco-crash-'));
    const database = await makeDatabase(dialect);
    const installation = await makeInstallation(directory, database.url);
    const tally = join(directory, 'tally');
    let server: ServerProcess | undefined = await installation.start();
    try {
      const admin = new Eco({ apiKey: installation.adminKey, baseUrl: installation.url });
      const account = await admin.admin.createAccount({ name: 'crash' });
      await admin.admin.credit({ account_id: account.id, amount: '10000.00' });
      const eco = new Eco({ apiKey: account.secret, baseUrl: installation.url, timeoutMs: 5_000 });
      await eco.models.register({ name: 'steady', source: { type: 'image' } });
      const sim = { model: 'steady', image: 'ecolink/sim', gpu: { type: 'l4' }, env: { CRASH_MARK: directory } };
      const steady = await eco.instances.launch({
        ...sim,
        args: ['--ttft', '10ms', '--itl', '10ms', '--tokens', '40', '--tally', tally],
      });
      await eco.instances.waitUntilRunning(steady.id, { timeoutMs: CONVERGE_TIMEOUT_MS });
      const pids = await pidsOf(eco, steady.id);

      const asked: Asked[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const stop = new AbortController();
        const traffic = sendTraffic({ url: installation.url, apiKey: account.secret, model: steady.ref }, stop.signal);
        const changes = launchAndStop(eco, sim);
        await new Promise((resolve) => setTimeout(resolve, 400 + Math.random() * 1_600)); // any instant may be the last
        await server.kill();
        stop.abort();
        asked.push(...(await traffic));
        await changes;
        server = await installation.start();
        await eco.instances.waitUntilRunning(steady.id, { timeoutMs: CONVERGE_TIMEOUT_MS });
        assert.deepEqual(await pidsOf(eco, steady.id), pids, 'adopted replicas keep their processes');
        const answer = await eco.chat.create({
          model: steady.ref,
          messages: [{ role: 'user', content: 'still there?' }],
        });
        assert.ok(answer.choices[0]?.message.content);
      }

      await checkUsage(eco, asked, tally);
      await checkLogs(eco, steady.id, asked);
      await converge(eco);
      await checkAudit(admin);

      for await (const { id } of eco.workloads.list()) await eco.workloads.terminate(id);
      await until('all is terminated', async () => (await eco.workloads.list()).data.length === 0, CONVERGE_TIMEOUT_MS);
      await checkAudit(admin);
      await server.stop();
      server = undefined;
      await until('no stray process', () => findProcesses(directory).length === 0);
    } finally {
      await server?.kill();
      for (const { pid } of findProcesses(directory)) process.kill(pid, 'SIGKILL');
      await database.remove();
      rmSync(directory, { recursive: true, force: true });
    }
  });
}

async function pidsOf(eco: Eco, id: number): Promise<(number | null)[]> {
  return (await eco.workloads.replicas(id)).data.map((replica) => replica.pid).toSorted();
}

/** A launch and a stop that the kill may hit at any step; what the server had not accepted is no loss. */
async function launchAndStop(eco: Eco, sim: { model: string; image: string; gpu: { type: string } }): Promise<void> {
  const options = { maxRetries: 0 };
  try {
    const { id } = await eco.instances.launch(sim, options);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 1_000)); // in whatever state it is then
    await eco.workloads.stop(id, options);
  } catch {
    // killed on the way
  }
}

/** Finished requests stand exactly once with what was answered; a cut one never above what the simulators wrote. */
async function checkUsage(eco: Eco, asked: Asked[], tally: string): Promise<void> {
  const rows: UsageRow[] = [];
  for await (const row of eco.billing.usage({ group_by: 'request', limit: 500 })) rows.push(row);
  const byId = new Map(rows.map((row) => [row.group, row]));
  assert.equal(byId.size, rows.length, 'no request stands twice');

  const sent = new Map<string, number>();
  for (const { request_id, completion_tokens } of readTallies(tally))
    sent.set(request_id, (sent.get(request_id) ?? 0) + completion_tokens);
  const finished = asked.filter((each) => each.finished);
  assert.ok(finished.length > ROUNDS * 3, `only ${finished.length} requests finished`);
  assert.ok(
    asked.some((each) => each.streamed && !each.finished && each.tokens > 0),
    'no stream was cut',
  );
  for (const { requestId, tokens } of finished) {
    const row = byId.get(String(requestId));
    assert.deepEqual([row?.status, row?.output_tokens], ['completed', tokens], `request ${requestId}`);
  }
  for (const row of rows)
    assert.ok(
      row.output_tokens <= (sent.get(row.group) ?? 0),
      `${row.group} is billed ${row.output_tokens}, sent were ${sent.get(row.group)}`,
    );
}

/** Every finished request stands once in the log of a replica, whichever server was away at the time: no hole, no double. */
async function checkLogs(eco: Eco, id: number, asked: Asked[]): Promise<void> {
  const lines = await Array.fromAsync(eco.workloads.logs(id, { tail: 10_000 }));
  const finished = lines.filter((line) => line.text.includes('finished')).map((line) => line.text);
  for (const { requestId } of asked.filter((each) => each.finished))
    assert.equal(
      finished.filter((text) => text.includes(String(requestId))).length,
      1,
      `request ${requestId} in the log`,
    );
}

async function converge(eco: Eco): Promise<void> {
  await until(
    'every workload is where it should be',
    async () => {
      const { data } = await eco.workloads.list({ limit: 500 });
      return data.every(
        ({ state, observed_generation, generation }) =>
          ['running', 'stopped'].includes(state) && observed_generation === generation,
      );
    },
    CONVERGE_TIMEOUT_MS,
  );
}

async function checkAudit(admin: Eco): Promise<void> {
  const { findings } = await until('the audit has run', () => admin.admin.audit());
  assert.deepEqual(findings, []);
}
