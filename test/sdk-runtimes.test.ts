import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { build } from 'esbuild';
import { findProgram } from '../server/cluster/local/command.ts';
import { startEco, type TestEco } from './harness.ts';
import { finish, root } from './run-eco.ts';
import type { Tour, TourOptions } from './runtimes/tour.ts';

const RUN_TIMEOUT_MS = 30_000;

/** How each runtime runs a module. `ECO_TEST_RUNTIMES` is a path with those that are not on PATH. */
const runtimes: Record<string, (module: string) => string[]> = {
  node: (module) => [module],
  node22: (module) => [module],
  bun: (module) => ['run', module],
  deno: (module) => ['run', '--allow-net', '--allow-env', module],
};
const PATHS = `${process.env.ECO_TEST_RUNTIMES ?? ''}:${process.env.PATH}`;
const programOf = (name: string) => (name === 'node' ? process.execPath : findProgram(name, root, PATHS));

describe('the SDK needs nothing but fetch', () => {
  const folder = mkdtempSync(join(tmpdir(), 'eco-runtimes-'));
  let server: TestEco;
  let options: TourOptions;

  before(async () => {
    await bundle(folder);
    server = await startEco();
    await server.eco.models.register({ name: 'sim', source: { type: 'image' } });
    const { id, ref } = await server.eco.instances.launch({ model: 'sim', image: 'ecolink/sim', regions: ['local-a'] });
    await server.eco.instances.waitUntilRunning(id, { timeoutMs: 30_000 });
    options = { baseUrl: server.url, apiKey: server.apiKey, model: ref };
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const assertToured = (result: Tour) =>
    assert.deepEqual(result, {
      account: 'test',
      workloads: [options.model],
      whole: 'one two three',
      streamed: 'one two three',
      state: 'running',
      missing: 'not_found 404',
      wrong: 'invalid_api_key 401',
      form: 'wrong_endpoint 400',
      aborted: 'aborted 0',
    });

  for (const [name, argvOf] of Object.entries(runtimes)) {
    const program = programOf(name);
    test(`in ${name}`, { skip: program === undefined && `there is no ${name} here` }, async () => {
      const module = join(folder, `${name}.mjs`);
      writeFileSync(
        module,
        `import { tour } from './tour.mjs';\nconsole.log(JSON.stringify(await tour(${JSON.stringify(options)})));\n`,
      );
      const child = spawn(String(program), argvOf(module), {
        cwd: folder,
        timeout: RUN_TIMEOUT_MS,
        env: { PATH: process.env.PATH, HOME: folder, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' },
      });
      const { code, stdout, stderr } = await finish(child);
      assert.equal(code, 0, stderr);
      assertToured(JSON.parse(stdout));
    });
  }

  const chromium = ['chromium', 'chromium-browser', 'google-chrome']
    .map((name) => findProgram(name, root, process.env.PATH))
    .find((path) => path !== undefined);

  test('in a page of a browser', { skip: chromium === undefined && 'there is no Chromium here' }, async () => {
    const { chromium: browsers } = await import('playwright-core');
    await using site = await openSite(folder, server.url);
    const browser = await browsers.launch({ executablePath: String(chromium), args: QUIET });
    try {
      const page = await browser.newPage();
      await page.goto(site.url);
      const script = `import('/tour.mjs').then(({ tour }) => tour(${JSON.stringify({ ...options, baseUrl: site.url })}))`;
      assertToured(await page.evaluate<Tour>(script));
    } finally {
      await browser.close();
    }
  });
});

const QUIET = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];

/** `platform: 'neutral'` refuses whatever only Node has. */
async function bundle(folder: string): Promise<void> {
  await build({
    entryPoints: [join(root, 'test/runtimes/tour.ts')],
    outfile: join(folder, 'tour.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['import'],
    external: ['openai'],
    logLevel: 'error',
  });
}

/** A page with the bundle beside it, and the server behind the same origin. */
async function openSite(folder: string, target: string): Promise<AsyncDisposable & { url: string }> {
  const { readFile } = await import('node:fs/promises');
  const site: Server = createServer(async (request, response) => {
    if (request.url === '/') return void response.setHeader('content-type', 'text/html').end('<!doctype html>');
    if (request.url === '/tour.mjs')
      return void response.setHeader('content-type', 'text/javascript').end(await readFile(join(folder, 'tour.mjs')));
    const headers = Object.fromEntries(
      Object.entries(request.headers).filter(([name]) => !['host', 'connection', 'content-length'].includes(name)),
    ) as Record<string, string>;
    const body = request.method === 'GET' ? undefined : Buffer.concat(await Array.fromAsync(request));
    const answer = await fetch(`${target}${request.url}`, {
      method: request.method ?? 'GET',
      headers,
      ...(body && { body }),
    });
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
    for await (const chunk of answer.body ?? []) response.write(chunk);
    response.end();
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(site.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      site.closeAllConnections();
      await new Promise((resolve) => site.close(resolve));
    },
  };
}
