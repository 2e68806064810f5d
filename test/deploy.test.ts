import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import {
  type Eco,
  getAlias,
  getModel,
  getWorkload,
  launchInstance,
  listAliases,
  listWorkloads,
  type Workload,
  waitForWorkload,
} from '../sdk/index.ts';
import { deploy, files, spec, startDeploy } from './deploy-rig.ts';
import { openFakeApi } from './fakes/api.ts';
import * as documents from './fakes/documents.ts';
import { startEco, type TestEco } from './harness.ts';
import { finish } from './run-eco.ts';
import { until } from './until.ts';

/** Resolves once the program has said it; what it says later is read on. */
function said(child: ChildProcess, pattern: RegExp): Promise<string> {
  let all = '';
  return new Promise((resolve, reject) => {
    child.stderr?.on('data', (part) => {
      all += part;
      if (pattern.test(all)) resolve(all);
    });
    child.once('exit', (code) => reject(new Error(`ended with ${code} before it said ${pattern}:\n${all}`)));
  });
}

/** As a file names it. */
const variable = (name: string) => `$\{${name}}`;

/** So long that requests are under way at any time, over the end of the old instance too. */
const WORDS = Array.from({ length: 40 }, (_, index) => `w${index}`).join(' ');
/** Five seconds at the pace of the test. */
const LONG_WORDS = Array.from({ length: 250 }, (_, index) => `w${index}`).join(' ');
const RATE_PER_SECOND = 50;

interface Answered {
  at: number;
  /** Where it was answered, which tells the old instance from the new one. */
  region: string | null;
  failure: unknown;
}

/** Sends requests at a steady rate by the real `openai` package, every second one streamed, until it is stopped. */
function startLoad({ url, apiKey }: TestEco, model: string) {
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
  const messages = [{ role: 'user' as const, content: WORDS }];
  const under: Promise<Answered>[] = [];

  const whole = async () => {
    const { data, response } = await openai.chat.completions.create({ model, messages }).withResponse();
    assert.equal(data.choices[0]?.message.content?.trim(), WORDS);
    return response.headers.get('x-ecolink-region');
  };
  const streamed = async () => {
    const asked = openai.chat.completions.create({ model, messages, stream: true });
    const { data, response } = await asked.withResponse();
    const chunks = await Array.fromAsync(data);
    assert.equal(
      chunks
        .map(({ choices }) => choices[0]?.delta.content ?? '')
        .join('')
        .trim(),
      WORDS,
    );
    return response.headers.get('x-ecolink-region');
  };
  const send = async (): Promise<Answered> => {
    const at = performance.now();
    try {
      return { at, region: await (under.length % 2 === 0 ? whole() : streamed()), failure: undefined };
    } catch (failure) {
      return { at, region: null, failure };
    }
  };
  const startedAt = performance.now();
  const sendDue = () => {
    const due = ((performance.now() - startedAt) / 1000) * RATE_PER_SECOND;
    while (under.length < due) under.push(send());
  };
  const timer = setInterval(sendDue, 1000 / RATE_PER_SECOND);
  return {
    stop: (): Promise<Answered[]> => {
      clearInterval(timer);
      return Promise.all(under);
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

describe('eco deploy', () => {
  let server: TestEco;
  let eco: Eco;
  let serving: Workload;

  const ids = async () => (await eco.workloads.list({ all: true, limit: 500 })).data.map(({ id }) => id);
  const leadsTo = async (name = 'assistant') => (await eco.aliases.get(name)).workload_id;
  const isEnded = async (id: number) => ['stopping', 'terminated'].includes((await eco.workloads.get(id)).state);
  const ask = (model = 'assistant', content = 'hi') =>
    eco.chat.create({ model, messages: [{ role: 'user', content }] }, { maxRetries: 0 });

  before(async () => {
    server = await startEco();
    eco = server.eco;
  });
  after(() => server[Symbol.asyncDispose]());

  test('a dry run shows steps and price of what is not there yet, and changes nothing', async () => {
    const { code, stdout, json } = await deploy(server, spec(), { flags: ['--dry-run'] });
    assert.equal(code, 0);
    assert.match(stdout, /1\. register the model my-llama \(chat, image\)\n2\. launch/);
    assert.match(stdout, /lead "assistant" to it/);
    assert.match(stdout, /\$0\.80\/h/);
    assert.throws(json);
    await assert.rejects(eco.models.get('my-llama'), { code: 'not_found' });
    assert.deepEqual([await ids(), (await eco.aliases.list()).data], [[], []]);
  });

  test('the first deploy registers the model, launches it, proves it and makes the name', async () => {
    const output = join(files, 'github-output');
    const { code, json, stderr } = await deploy(server, spec(), {
      flags: ['--json'],
      env: { GITHUB_OUTPUT: output },
    });
    assert.equal(code, 0, stderr);
    const { ref, workload_id } = json();
    assert.deepEqual(json(), {
      alias: 'assistant',
      workload_id,
      ref: `my-llama:${workload_id}`,
      previous: null,
      url: `${server.url}/v1`,
      model: 'my-llama',
      changed: true,
    });
    assert.equal(readFileSync(output, 'utf8'), `ref=${ref}\nworkload-id=${workload_id}\n`);
    for (const step of [/Registered the model/, /Launched/, /is running/, /answered the smoke call/, /leads to/])
      assert.match(stderr, step);
    serving = await eco.workloads.get(workload_id);
    assert.equal((await ask()).model, 'my-llama');
  });

  test('the same file again launches nothing, in whatever order it is written; --force does', async () => {
    const reordered = Object.fromEntries(Object.entries(spec({ drain: '3s' })).reverse());
    const again = await deploy(server, reordered, { flags: ['--json'] });
    assert.deepEqual([again.code, again.json().changed, again.json().ref], [0, false, serving.ref]);
    assert.deepEqual(await ids(), [serving.id]);

    const forced = await deploy(server, spec(), { flags: ['--json', '--force'] });
    assert.deepEqual([forced.code, forced.json().previous], [0, serving.id]);
    assert.ok(await isEnded(serving.id));
    serving = await eco.workloads.get(forced.json().workload_id);
  });

  describe('that fails leaves the old instance serving', { concurrency: 3 }, () => {
    /** Each is a change that cannot succeed, and how it ends. */
    for (const [what, changes, flags, code, message] of [
      ['an image that crashes', { args: ['--fail', 'crash-on-load'] }, [], 8, /crashed.*Engine core/],
      ['a model that is never ready', { args: ['--load', '1h'] }, ['--wait-timeout', '1s'], 124, /is still loading/],
      [
        'a smoke call that fails',
        { args: ['--fail', 'status-500'] },
        [],
        8,
        /The smoke call of my-llama:\d+ answered 502, not 200/,
      ],
      ['too little money', { gpu: 'h100:8', regions: ['local-a', 'local-b'], replicas: 1 }, [], 6, /are left/],
      ['too few GPUs', { gpu: 'l4:1', replicas: 9 }, [], 7, /l4/],
      ['an image that no region has', { image: 'acme/engine:1' }, [], 2, /acme\/engine/],
    ] as const)
      test(`${what}: exit code ${code}`, async () => {
        const ended = await deploy(server, spec(changes), { flags: [...flags], env: { GITHUB_ACTIONS: 'true' } });
        assert.equal(ended.code, code, ended.stderr);
        assert.match(ended.stderr, message);
        assert.match(ended.stderr, /^::error::/m);
        const launched = /Launched my-llama:(\d+)/.exec(ended.stderr)?.[1];
        if (launched) assert.ok(await isEnded(Number(launched)));
        assert.equal(await leadsTo(), serving.id);
        await ask();
      });

    test('Ctrl-C while it waits: exit code 130', async () => {
      const child = startDeploy(server, spec({ args: ['--load', '2h'] }));
      const text = await said(child, /Launched my-llama:\d+[\s\S]*loading/);
      child.kill('SIGINT');
      const rest = finish(child);
      assert.equal((await rest).code, 130);
      assert.match(
        (await rest).stderr,
        /was terminated[\s\S]*leads to my-llama:\d+\.\nInterrupted: nothing was deployed/,
      );
      assert.ok(await isEnded(Number(/Launched my-llama:(\d+)/.exec(text)?.[1])));
      assert.equal(await leadsTo(), serving.id);
    });

    test('a failed instance can be kept for a look at it', async () => {
      const changes = { args: ['--fail', 'status-500', '--seed', '7'] };
      const { code, stderr } = await deploy(server, spec(changes), { flags: ['--keep-failed'] });
      assert.equal(code, 8);
      const [, id] = /my-llama:(\d+) is kept\. End it with: eco terminate/.exec(stderr) ?? [];
      assert.equal((await eco.workloads.get(Number(id))).state, 'running');
      await eco.workloads.terminate(Number(id));
      assert.equal(await leadsTo(), serving.id);
    });

    test('what it registered and changed is taken back', async () => {
      const source = { type: 'huggingface', repo: 'acme/tuned', revision: 'v1' } as const;
      const failing = { name: 'tuned', args: ['--load', '1h'] };
      const options = { flags: ['--wait-timeout', '1s'] };
      const first = await deploy(server, spec({ ...failing, model: { source } }), options);
      assert.equal(first.code, 124, first.stderr);
      await assert.rejects(eco.models.get('tuned'), { code: 'not_found' });

      await eco.models.register({ name: 'tuned', source });
      const revised = { ...source, revision: variable('COMMIT') };
      const next = await deploy(server, spec({ ...failing, model: { source: revised } }), {
        ...options,
        env: { COMMIT: 'abc123' },
      });
      assert.match(next.stderr, /tuned is hf:acme\/tuned@abc123 from now on[\s\S]*tuned is hf:acme\/tuned@v1 again/);
      assert.deepEqual((await eco.models.get('tuned')).source, source);
      await assert.rejects(eco.aliases.get('tuned'), { code: 'not_found' });
    });

    test('a second Ctrl-C ends at once and names what is left', async () => {
      await using api = await openFakeApi();
      const hang = () => {};
      api.on(getModel, () => documents.model({ source: { type: 'image' } }));
      api.on(listAliases, () => documents.pageOf());
      api.on(listWorkloads, () => documents.pageOf());
      api.on(launchInstance, ({ dry_run }) => (dry_run ? documents.quote() : documents.workload()));
      api.on(getWorkload, () => documents.workload({ state: 'pending', reason: 'scheduled' }));
      api.raw(waitForWorkload, hang);
      api.raw(getAlias, hang);
      const child = startDeploy({ url: api.url, apiKey: 'eco_test' }, spec());
      const ended = finish(child);
      await said(child, /is pending/);
      child.kill('SIGINT');
      await until('the clean-up', () => api.calls.some(({ endpoint }) => endpoint === 'getAlias'));
      const again = setInterval(() => child.kill('SIGINT'), 100); // what comes at once is an echo of the first
      const { code, stderr } = await ended;
      clearInterval(again);
      assert.equal(code, 130);
      assert.match(stderr, /Ended at once\. Put back what is left with:\n {2}eco terminate 142 --yes\n$/);
    });
  });

  describe('beside others', { concurrency: 3 }, () => {
    /** An instance under a name that no other test has. */
    const begin = async (name: string) => {
      const { image, args, regions } = spec();
      const { id } = await eco.instances.launch({ model: 'my-llama', image, args, regions, gpu: { type: 'h100' } });
      await eco.aliases.set(name, (await eco.instances.waitUntilRunning(id)).id);
      return eco.workloads.get(id);
    };

    test('a run that was killed is taken up by the next one: nothing is launched twice', async () => {
      const old = await begin('killed');
      const content = spec({ name: 'killed', args: ['--load', '1500ms'], on_success: 'keep' });
      const child = startDeploy(server, content);
      const text = await said(child, /Launched my-llama:\d+/);
      child.kill('SIGKILL');
      const { code, json, stderr } = await deploy(server, content, { flags: ['--json'] });
      assert.equal(code, 0, stderr);
      const [, launched] = /Launched my-llama:(\d+)/.exec(text) ?? [];
      assert.deepEqual([json().workload_id, json().previous], [Number(launched), old.id]);
      assert.match(stderr, /is kept \(as on_success says\)/);
      assert.equal((await eco.workloads.get(old.id)).state, 'running');
    });

    test('of two at a time the slower one ends its own instance and says who was faster', async () => {
      const old = await begin('raced');
      const slow = startDeploy(server, spec({ name: 'raced', args: ['--load', '20s'] }));
      const slowEnded = finish(slow);
      await said(slow, /Launched/);
      const next = spec({ name: 'raced', args: ['--seed', '2'], on_success: 'stop' });
      const fast = await deploy(server, next, { flags: ['--json'] });
      assert.equal(fast.code, 0, fast.stderr);
      const { code, stderr } = await slowEnded;
      assert.equal(code, 5, stderr);
      assert.match(stderr, new RegExp(`Another deploy was faster: "raced" leads to ${fast.json().ref} now`));
      assert.ok(await isEnded(Number(/Launched my-llama:(\d+)/.exec(stderr)?.[1])));
      assert.equal(await leadsTo('raced'), fast.json().workload_id);
      assert.match((await eco.workloads.get(old.id)).state, /^stop/);
    });

    test('the same deploy twice at a time is one', async () => {
      await begin('twin');
      const next = spec({ name: 'twin', args: ['--load', '1s'] });
      const both = await Promise.all([1, 2].map(() => deploy(server, next, { flags: ['--json'] })));
      for (const { code, stderr } of both) assert.equal(code, 0, stderr);
      assert.equal(new Set(both.map(({ json }) => json().ref)).size, 1);
    });

    test('an old instance that another name leads to is kept', async () => {
      const old = await begin('shared');
      await eco.aliases.set('canary', old.id);
      const { code, stderr } = await deploy(server, spec({ name: 'shared', args: ['--seed', '3'] }));
      assert.equal(code, 0);
      assert.match(stderr, new RegExp(`${old.ref} is kept \\(canary leads to it too\\)`));
      assert.equal((await eco.workloads.get(old.id)).state, 'running');
    });
  });

  test('from one version to the next under load not one request fails, and none is cut when the old one ends', async () => {
    const slowly = ['--ttft', '5ms', '--itl', '20ms'];
    const first = await deploy(server, spec({ name: 'busy', args: slowly }), { flags: ['--json'] });
    const { workload_id: old, ref } = first.json();
    using load = startLoad(server, 'busy');
    const next = spec({ name: 'busy', args: slowly, regions: ['local-b'] });
    const child = startDeploy(server, next, { flags: ['--json'] });
    const ended = finish(child);
    await said(child, /"busy" leads to/);
    const switchedAt = performance.now();
    const long = ask(ref, LONG_WORDS).then(({ choices }) => ({
      text: choices[0]?.message.content,
      at: performance.now(),
    }));
    await said(child, /was told to end/);
    const toldAt = performance.now();
    const { code, stdout } = await ended;
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).previous, old);
    const { text, at: longEndedAt } = await long;
    await until('the end of the old one', async () => (await eco.workloads.get(old)).state === 'terminated');
    const answers = await load.stop();

    assert.deepEqual(
      answers.flatMap(({ failure }) => failure ?? []),
      [],
    );
    assert.equal(text?.trim(), LONG_WORDS);
    assert.ok(longEndedAt > toldAt, 'a request was under way when the old instance was told to end');
    const later = answers.filter(({ at }) => at > switchedAt);
    assert.ok(later.length > RATE_PER_SECOND && answers.length - later.length > RATE_PER_SECOND / 2);
    assert.ok(later.every(({ region }) => region === 'local-b'));
    assert.ok(answers.some(({ region }) => region === 'local-a'));
  });
});
