import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  createChatCompletion,
  getWorkload,
  launchInstance,
  terminateWorkload,
  waitForWorkload,
  whoAmI,
} from '../sdk/index.ts';
import { openFakeApi } from './fakes/api.ts';
import * as documents from './fakes/documents.ts';
import { ecoAtTerminal, folder, noTerminal } from './run-eco.ts';

describe('at a terminal', { skip: noTerminal && 'install util-linux: its program "script" gives the terminal' }, () => {
  test('terminate asks, and anything but yes does nothing', async () => {
    await using api = await openFakeApi();
    api.on(getWorkload, () => documents.workload());
    api.on(terminateWorkload, () => documents.workload({ state: 'terminated' }));
    const answer = (typed: string) => ecoAtTerminal('terminate my-llama', [[/\[y\/N\] /, typed]], { api });

    const no = await answer('n\r');
    assert.match(no.seen, /nothing was done/);
    assert.deepEqual([no.code, (await answer('\r')).code, (await answer('\u0003')).code], [1, 1, 130]);
    assert.ok(!api.calls.some(({ endpoint }) => endpoint === 'terminateWorkload'));

    const yes = await answer('yes\r');
    assert.match(yes.seen, /my-llama:142 is terminated/);
    assert.equal(yes.code, 0);
  });

  test('launch shows the price, asks, and then waits by itself', async () => {
    await using api = await openFakeApi();
    const loading = documents.workload({ state: 'loading', revision: 1 });
    api.on(launchInstance, ({ dry_run }) => (dry_run ? documents.quote() : loading));
    api.on(getWorkload, () => loading);
    api.on(waitForWorkload, () => documents.workload({ revision: 2 }));
    const { code, seen } = await ecoAtTerminal('instances launch my-llama', [[/\$220\.80[\s\S]*Launch it\?/, 'y\r']], {
      api,
    });
    assert.match(seen, /◐ loading[\s\S]*READY in \d[\s\S]*my-llama:142 is running\. Try it: eco chat my-llama:142/);
    assert.equal(code, 0);
  });

  test('login does not show what is typed', async () => {
    await using api = await openFakeApi();
    api.on(whoAmI, () => documents.whoAmI());
    const ECO_CONFIG_DIR = join(folder, 'terminal');
    const command = `login --api-url ${api.url}`;
    const { code, seen } = await ecoAtTerminal(command, [[/API key for .*: /, 'eco_typed\r']], {
      env: { ECO_CONFIG_DIR },
    });
    assert.match(seen, /Logged in/);
    assert.doesNotMatch(seen, /eco_typed/);
    assert.equal(code, 0);
    assert.equal(api.calls[0]?.headers.authorization, 'Bearer eco_typed');
    assert.match(readFileSync(join(ECO_CONFIG_DIR, 'config.json'), 'utf8'), /eco_typed/);
  });

  const chunk = (content: string) =>
    `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta: { content } }] })}\n\n`;

  test('chat without a message goes on until Ctrl-D and remembers', async () => {
    await using api = await openFakeApi();
    api.raw(createChatCompletion, (res) => void res.end(`${chunk(`Answer ${api.calls.length}`)}data: [DONE]\n\n`));
    const steps = [
      [/> /, 'One\r'],
      [/Answer 1[\s\S]*> /, 'Two\r'],
      [/Answer 2[\s\S]*> /, '\u0004'],
    ] as const;
    const { code, unanswered } = await ecoAtTerminal('chat my-llama:142', steps, { api });
    assert.deepEqual([code, unanswered], [0, 0]);
    assert.deepEqual((api.calls[1]!.input as { messages: unknown }).messages, [
      { role: 'user', content: 'One' },
      { role: 'assistant', content: 'Answer 1' },
      { role: 'user', content: 'Two' },
    ]);
  });

  test('Ctrl-C ends a chat in the middle of an answer, and at the prompt', async () => {
    await using api = await openFakeApi();
    const left = Promise.withResolvers<void>();
    api.raw(createChatCompletion, (res) => {
      res.once('close', () => left.resolve());
      res.write(chunk('Never-ending'));
    });
    const within = await ecoAtTerminal(
      'chat m:1',
      [
        [/> /, 'One\r'],
        [/Never-ending/, '\u0003'],
      ],
      { api },
    );
    await left.promise;
    const before = await ecoAtTerminal('chat m:1', [[/> /, '\u0003']], { api });
    assert.deepEqual([within.code, before.code], [130, 130]);
  });
});
