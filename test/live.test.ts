import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Eco } from '../sdk/index.ts';
import { type EcoDev, makeHome, startEcoDev } from './eco-dev.ts';
import { openEcoPty, openShellPty, type Pty } from './pty.ts';
import { until } from './until.ts';

/** Loads until the file it is told exists, then serves; or writes what went wrong and ends. */
const PROGRAM = `
const { existsSync } = require('node:fs');
console.log('\\u001b[31mloading\\u001b[0m');
if (process.env.WRONG) { console.error(process.env.WRONG); process.exit(3); }
const isLoaded = () => !process.env.GATE || existsSync(process.env.GATE);
require('node:http').createServer((_, response) => response.writeHead(isLoaded() ? 200 : 503).end())
  .listen(process.env.PORT, '127.0.0.1');
`;

const CTRL_C = '\u0003';
const HIDDEN = '\u001b[?25l';
const SHOWN = '\u001b[?25h';
const COLORED = '\u001b[3';

describe('live views at a terminal', () => {
  const home = makeHome();
  const program = join(home.folder, 'serve.cjs');
  const gate = (name: string) => join(home.folder, `gate-${name}`);
  const env = { ...home.environment, TERM: 'xterm-256color' };
  let dev: EcoDev;
  let eco: Eco;
  before(async () => {
    writeFileSync(program, PROGRAM);
    dev = await startEcoDev(home);
    eco = new Eco({ baseUrl: dev.ready.url, apiKey: dev.ready.api_key });
    await eco.models.register({ name: 'mine', source: { type: 'image' } });
  });
  after(async () => {
    await dev[Symbol.asyncDispose]();
    home[Symbol.dispose]();
  });

  const launch = (variables: Record<string, string>, regions = ['local-a']) =>
    eco.instances.launch({ model: 'mine', command: [process.execPath, program], env: variables, regions });
  const launchCommand = (...more: string[]) => [
    ...['instances', 'launch', 'mine', '--command', `"${process.execPath}" "${program}"`, '--yes', ...more],
  ];
  const assertRestored = (pty: Pty) => {
    const written = pty.written();
    assert.ok(written.includes(HIDDEN), 'the view hid the cursor');
    assert.ok(written.lastIndexOf(SHOWN) > written.lastIndexOf(HIDDEN), 'the cursor is shown again');
  };

  /** What differs from run to run made the same: times, ids, the port, and a state that is seen or not. */
  const normalized = (screen: string[]) =>
    screen.map((line) =>
      line
        .replaceAll(/\b\d+s\b/g, '0s')
        .replaceAll(/mine:\d+/g, 'mine:1')
        .replaceAll(/(local-[ab]-)\w+/g, '$1000000')
        .replaceAll(/http:\/\/[\d.]+:\d+/g, 'http://eco')
        .replaceAll(/pending 0s → |degraded 0s → /g, ''),
    );

  test('a launch is followed to READY, with a call to try', async () => {
    await using pty = openEcoPty(launchCommand('--env', `GATE=${gate('launch')}`), { env, columns: 240 });
    const loading = await pty.until(/local-a-\w+ {2}loading.* Loading: .*\n.*local-b-\w+ {2}loading/);
    assert.match(loading, /^mine:\d+ {2}◐ loading {2}0\/2 ready {2}\d+s {2}\$/m);
    assert.match(loading, /◐ local-a-\w+ {2}loading {2,}\d+s {2}Loading: /);
    assert.equal(loading.match(/local-b-\w+ {2}loading/g)?.length, 1);
    writeFileSync(gate('launch'), '');

    assert.equal((await pty.exited).code, 0);
    const shown = normalized(pty.screen());
    assert.deepEqual(shown.slice(shown.indexOf('Launched mine:1.')), [
      'Launched mine:1.',
      'mine:1  ● running  2/2 ready  0s  $3.20/h, $76.80 held',
      '  All 2 replicas are ready.',
      '  ● local-a-000000  ready  0s  Ready.',
      '  ● local-b-000000  ready  0s  Ready.',
      '  loading 0s → running',
      '',
      'READY in 0s: mine:1',
      '  http://eco/v1/chat/completions',
      '  curl http://eco/v1/chat/completions -H "Authorization: Bearer $ECO_API_KEY" -H "Content-Type: application/json"' +
        ` -d '{"model":"mine:1","messages":[{"role":"user","content":"Hello"}]}'`,
      '',
      'mine:1 is running. Try it: eco chat mine:1 "Hello"',
    ]);
    assertRestored(pty);
  });

  test('Ctrl-C leaves a launch that goes on', async () => {
    const { id } = await launch({ GATE: gate('never') });
    await using pty = openEcoPty(['wait', String(id)], { env });
    await pty.until(/local-a-\w+ {2}loading/);
    pty.press(CTRL_C);
    assert.equal((await pty.exited).code, 130);
    const screen = pty.screen().join('\n');
    assert.match(
      screen,
      new RegExp(`Stopped watching; mine:${id} goes on\\.\\n {2}Watch it again with: eco wait ${id}`),
    );
    assert.equal(screen.match(/loading {2}0\/1 ready/g)?.length, 1);
    assert.equal((await eco.workloads.get(id)).state, 'loading');
    assertRestored(pty);
    await eco.workloads.terminate(id);
  });

  test('a launch that fails says why, and what was written last', async () => {
    await using pty = openEcoPty(launchCommand('--region', 'local-a', '--env', 'WRONG=没有模型: no weights here.'), {
      env,
    });
    const failed = await pty.until('[workload_failed]');
    assert.match(failed, /✗ failed/);
    assert.match(failed, /Last lines of \d+-local-a-\w+:\n {2}loading\n {2}没有模型: no weights here\./);
    assert.match(failed, /Error: mine:\d+ is failed \(crashed\): /);
    assert.equal((await pty.exited).code, 8);
    assertRestored(pty);
  });

  test('40 columns without colours: no line is broken, before and after the terminal gets narrower', async () => {
    const { id } = await launch({ GATE: gate('narrow') }, ['local-a', 'local-b']);
    await using pty = openEcoPty(['wait', String(id)], { env: { ...env, NO_COLOR: '1' }, columns: 70 });
    await pty.until(/local-a-\w+ {2}loading[\s\S]*local-b-\w+ {2}loading[\s\S]*loading [1-9]/);
    for (const columns of [40, 34]) {
      const [before] = pty.screen();
      await until('the clock moves on', () => pty.screen()[0] !== before); // and not again before it is resized
      pty.resize(columns, 24);
      await pty.until(/Loading: .*…\n/);
      const lines = (await pty.until(/…$/m)).split('\n');
      assert.equal(lines.length, 5, lines.join('\n'));
      assert.match(lines[0]!, new RegExp(`^mine:${id} {2}◐ loading`));
      assert.match(lines[4]!, /loading \d+s$/);
    }
    assert.ok(!pty.written().includes(COLORED));
    writeFileSync(gate('narrow'), '');
    assert.equal((await pty.exited).code, 0);
  });

  test('a build log, a plain terminal and a script get a line per change', async () => {
    const { id } = await launch({});
    await eco.instances.waitUntilRunning(id);
    const runs: [more: string[], variables: Record<string, string>][] = [
      [[], { CI: 'true' }],
      [[], { TERM: 'dumb' }],
      [['--json'], {}],
    ];
    for (const [more, variables] of runs) {
      await using pty = openEcoPty(['wait', String(id), ...more], { env: { ...env, ...variables }, rows: 60 });
      assert.equal((await pty.exited).code, 0);
      assert.match(pty.screen().join('\n'), new RegExp(`^mine:${id} {2}running {2}1/1 ready {2}Its`));
      assert.ok(!pty.written().includes(HIDDEN));
    }
  });

  test('logs -f of several replicas: aligned names in colour, until the workload is terminated', async () => {
    const { id } = await launch({}, ['local-a', 'local-b']);
    await eco.instances.waitUntilRunning(id);
    await using pty = openEcoPty(['logs', String(id), '-f'], { env });
    const lines = await pty.until(/loading[\s\S]*loading/);
    assert.match(lines.split('\n').toSorted().join('\n'), /^local-a-\w{6} \| loading\nlocal-b-\w{6} \| loading$/);
    assert.match(pty.written(), /\[36mlocal-a-\w{6}.\[39m \| .\[31mloading/);
    await eco.workloads.terminate(id);
    assert.equal((await pty.exited).code, 0);
  });

  test('ps -w follows changes; q leaves with raw mode off', async () => {
    await using pty = openShellPty('$eco ps -w; stty -a', { env, columns: 90 });
    await pty.until('q leaves');
    const { id } = await launch({ GATE: gate('ps') });
    await pty.until(new RegExp(`^${id} +mine +◐ loading +0/1`, 'm'));
    writeFileSync(gate('ps'), '');
    const running = await pty.until(new RegExp(`^${id} +mine +● running +1/1`, 'm'));
    assert.equal(running.match(/^ID /gm)?.length, 1);
    pty.press('q');
    assert.equal((await pty.exited).code, 0);
    assert.match(pty.screen().join('\n'), / icanon[\s\S]* echo /);
    assertRestored(pty);
  });

  /** Throws where nobody catches, when it is told to. */
  const preload = `process.on('SIGUSR2', () => { throw new Error('out of the blue') })`;
  const imported = `--import=data:text/javascript,${encodeURIComponent(preload)}`;
  for (const [how, signal, expected] of [
    ['SIGTERM', 'SIGTERM', / icanon/],
    ['an exception that nobody catches', 'SIGUSR2', /Error: out of the blue[\s\S]* icanon/],
  ] as const) {
    test(`${how} leaves the terminal as it was`, async () => {
      const pid = join(home.folder, signal);
      const line = `sh -c 'echo $$ > ${pid}; exec $eco ps -w'; stty -a`;
      await using pty = openShellPty(line, { env: { ...env, NODE_OPTIONS: imported }, rows: 50 });
      await pty.until('q leaves');
      process.kill(Number(readFileSync(pid, 'utf8')), signal);
      assert.equal((await pty.exited).code, 0);
      assert.match(pty.screen().join('\n'), expected);
      assertRestored(pty);
    });
  }
});
