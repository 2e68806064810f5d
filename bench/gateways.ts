import { execSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ENGINE, ENGINE_PORT, GATEWAY_CORE } from './engine.ts';
import { listenerOf } from './processes.ts';
import { HERE, HOME, logOf, type Programs, progress } from './programs.ts';
import { chatBody } from './requests.ts';

/** An entry of `peers/peers.json` or of a file given with `--cases`. */
const Entry = z.strictObject({
  name: z.string().regex(/^[\w.-]+$/),
  /** One command; without it the gateway must be running. */
  start: z.string().optional(),
  port: z.int().optional(),
  pids: z.array(z.int()).optional(),
  /** The name clients send; without it the plan itself is the model. */
  model: z.string().optional(),
  headers: z.record(z.string(), z.string()).default({}),
  env: z.record(z.string(), z.string()).default({}),
  cpus: z.string().default(GATEWAY_CORE),
  /** Beginnings of the names of scenarios it cannot do. */
  skip: z.array(z.string()).default([]),
  version: z.string().optional(),
});

export interface Gateway extends z.output<typeof Entry> {
  folder: string;
  port: number;
  pids: number[];
}

const FIRST_PORT = 9100;

/** Those asked for, in the order of the lists; `direct` (no gateway) is always among them. */
export function listGateways(cases: string | undefined, only: readonly string[] | undefined): Gateway[] {
  const direct = { ...Entry.parse({ name: 'direct' }), port: ENGINE_PORT, folder: HERE };
  const peers = readEntries(join(HERE, 'peers/peers.json')).map((entry) => ({ ...entry, folder: HERE }));
  const all = [direct, ...peers, ...(cases ? readEntries(cases) : [])];
  const unknown = only?.filter((name) => !all.some((entry) => entry.name === name)) ?? [];
  if (unknown.length > 0)
    throw new Error(`No such gateway: ${unknown.join(', ')}. There are ${all.map(({ name }) => name).join(', ')}.`);
  return all
    .filter(({ name }) => name === 'direct' || (only?.includes(name) ?? true))
    .map((entry, i) => ({ ...entry, pids: entry.pids ?? [], port: entry.port ?? FIRST_PORT + i }));
}

const readEntries = (file: string) =>
  z
    .array(Entry)
    .parse(JSON.parse(readFileSync(file, 'utf8')))
    .map((entry) => ({ ...entry, folder: dirname(resolve(file)) }));

const READY_MS = 600_000; // a peer installs itself at its first start
const POLL_MS = 250;

/** Starts a gateway if it is ours to start, and waits until it answers as the plan says. */
export async function openGateway(gateway: Gateway, programs: Programs): Promise<Gateway> {
  if (gateway.name === 'direct') return gateway;
  const child = gateway.start === undefined ? undefined : programs.start(gateway.start, startOf(gateway));
  let answer = await ask(gateway, 'sim');
  for (const end = Date.now() + READY_MS; !answer.ok && Date.now() < end; answer = await ask(gateway, 'sim')) {
    if (child && child.exitCode !== null) break;
    await sleep(POLL_MS);
  }
  if (!answer.ok)
    throw new Error(
      `${gateway.name} does not answer on port ${gateway.port} (${answer.text}). See ${logOf(gateway.name)}`,
    );
  await checkPlan(gateway);
  progress(`${gateway.name} ready on ${gateway.port}`);
  const pids = child ? [child.pid] : gateway.pids.length > 0 ? gateway.pids : [listenerOf(gateway.port)];
  return { ...gateway, pids, ...(gateway.version && { version: versionOf(gateway.version) }) };
}

function startOf({ name, cpus, port, env, folder }: Gateway) {
  mkdirSync(dirname(secretOf(name)), { recursive: true });
  const told = { PORT: String(port), UPSTREAM: ENGINE, BENCH_HOME: HOME, SECRET_FILE: secretOf(name) };
  return { name, cpus, folder, env: { ...told, ...env } };
}

const versionOf = (command: string) => execSync(command, { cwd: HERE, encoding: 'utf8' }).split('\n')[0] ?? '';

const secretOf = (name: string) => join(HOME, 'secrets', name);

/** Its headers with `$UPSTREAM` and `$SECRET` filled in: what a gateway wrote into its `SECRET_FILE`. */
export function headersOf({ name, headers }: Gateway): Record<string, string> {
  const secret = existsSync(secretOf(name)) ? readFileSync(secretOf(name), 'utf8').trim() : '';
  const fill = (value: string) => value.replace('$UPSTREAM', ENGINE).replace('$SECRET', secret);
  return Object.fromEntries(Object.entries(headers).map(([header, value]) => [header, fill(value)]));
}

const CHECKED_TOKENS = 3;

/** A gateway that renames the model and drops `user` would be measured with answers that nobody asked for. */
async function checkPlan(gateway: Gateway): Promise<void> {
  const plan = `sim-${CHECKED_TOKENS}t-1ms`;
  const { text, status } = await ask(gateway, plan, 'stream');
  const tokens = [...text.matchAll(/@\d{19}/g)].length;
  if (tokens === CHECKED_TOKENS) return;
  const sent = `model "${gateway.model ?? plan}" and user "${plan}"`;
  throw new Error(`${gateway.name}: the plan does not reach the engine; ${sent} gave ${tokens} tokens (${status}).`);
}

const ASK_MS = 10_000;

async function ask(gateway: Gateway, plan: string, kind: 'closed' | 'stream' = 'closed') {
  try {
    const answer = await fetch(`http://127.0.0.1:${gateway.port}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headersOf(gateway) },
      body: chatBody(gateway, { kind, plan }),
      signal: AbortSignal.timeout(ASK_MS),
    });
    return { ok: answer.ok, status: answer.status, text: await answer.text() };
  } catch (error) {
    return { ok: false, status: 0, text: String(error instanceof Error ? (error.cause ?? error) : error) };
  }
}
