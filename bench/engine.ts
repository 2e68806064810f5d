import { setTimeout as sleep } from 'node:timers/promises';
import { type Programs, program } from './programs.ts';

/** The gateway has a core to itself; generator and engine share the other. */
export const GATEWAY_CORE = '0';
export const RIG_CORE = '1';

export const ENGINE_PORT = 9001;
export const ENGINE = `127.0.0.1:${ENGINE_PORT}`;

const START_MS = 5_000;
const POLL_MS = 10;

/** Starts the fake engine and returns its process id. */
export async function startEngine(programs: Programs, port = ENGINE_PORT): Promise<number> {
  const { pid } = programs.start(`${program('upstream')} ${port}`, { name: 'upstream', cpus: RIG_CORE });
  for (const end = Date.now() + START_MS; Date.now() < end; await sleep(POLL_MS)) {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    if (answer?.ok) return pid;
  }
  throw new Error(`The engine does not answer on port ${port}.`);
}

export async function countOpenStreams(origin = `http://${ENGINE}`): Promise<number> {
  const metrics = await (await fetch(`${origin}/metrics`)).text();
  const open = /^sim_streams_open (\d+)$/m.exec(metrics)?.[1];
  if (open === undefined) throw new Error('The engine does not say how many streams it has open.');
  return Number(open);
}

const ABANDONED_MS = 10_000;

/** How long after the clients left the engine still had their streams open; -1: longer than 10 s. */
export async function timeUntilAbandoned(streamsBefore: number): Promise<number> {
  const left = Date.now();
  for (; Date.now() < left + ABANDONED_MS; await sleep(POLL_MS))
    if ((await countOpenStreams()) <= streamsBefore) return Date.now() - left;
  await fetch(`http://${ENGINE}/streams`, { method: 'DELETE' }); // or they would take ports from the next gateway
  return -1;
}
