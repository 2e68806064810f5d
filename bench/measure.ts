import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { countOpenStreams, GATEWAY_CORE, RIG_CORE, timeUntilAbandoned } from './engine.ts';
import { type Gateway, headersOf } from './gateways.ts';
import { takeMemory } from './processes.ts';
import { HOME, outputOf, program } from './programs.ts';
import { chatBody, UPLOAD_TYPE, uploadBody } from './requests.ts';
import { foreignCores, Load, NOISY_CORES, type Run } from './result.ts';
import type { Scenario } from './scenarios.ts';

export type Measured = Omit<Run, 'round' | 'scenario' | 'gateway'>;

export interface Window {
  seconds: number;
  /** Process id of the engine, whose CPU time is counted too. */
  engine: number;
}

const TRIES = 3;

/** Measures again while other programs disturb, and keeps the least disturbed run. */
export async function measureQuietly(gateway: Gateway, scenario: Scenario, window: Window): Promise<Measured> {
  let best = await measure(gateway, scenario, window);
  const tries = scenario.kind === 'idle' ? 1 : TRIES;
  for (let tried = 1; tried < tries && foreignCores(best) > NOISY_CORES; tried++) {
    const next = await measure(gateway, scenario, window);
    if (foreignCores(next) < foreignCores(best)) best = next;
  }
  return best;
}

/** One run of the load generator against one gateway. */
export async function measure(gateway: Gateway, scenario: Scenario, window: Window): Promise<Measured> {
  const busy_before = await settle();
  const streamsBefore = scenario.kind === 'idle' ? await countOpenStreams() : 0;
  const before = takeMemory(gateway.pids);
  const load = Load.parse(JSON.parse(await outputOf('taskset', generatorOf(gateway, scenario, window))));
  const after = takeMemory(gateway.pids);
  return {
    ...load,
    busy_before,
    rss_mb_before: before.resident_mb,
    rss_mb_peak: after.peak_mb,
    ...(scenario.kind === 'idle' && { abandoned_ms: await timeUntilAbandoned(streamsBefore) }),
  };
}

/** Without a gateway the generator sits on the gateway's core: its requests cross between cores once each way, others twice. */
function generatorOf(gateway: Gateway, scenario: Scenario, window: Window): string[] {
  const core = gateway.name === 'direct' ? GATEWAY_CORE : RIG_CORE;
  return ['-c', core, program('loadgen'), ...optionsOf(gateway, scenario, window)];
}

function optionsOf(gateway: Gateway, scenario: Scenario, { seconds, engine }: Window): string[] {
  const { connections, requests_per_second, spread_seconds, tokens, upload_bytes } = scenario;
  const headers = Object.entries(headersOf(gateway)).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  return [
    ...['-p', gateway.port, '-c', connections, '-U', engine, '-b', writeBody(gateway, scenario)],
    ...['-d', Math.max(seconds, scenario.window_seconds ?? 0), '-w', scenario.warm_seconds ?? 1],
    ...(requests_per_second ? ['-r', requests_per_second] : []),
    ...(spread_seconds ? ['-s', spread_seconds] : []),
    ...(tokens ? ['-n', tokens] : []),
    ...(scenario.kind === 'idle' ? ['-i'] : []),
    ...(upload_bytes ? ['-u', '/v1/audio/transcriptions', '-T', UPLOAD_TYPE] : []),
    ...(gateway.pids.length > 0 ? ['-P', gateway.pids.join(',')] : []),
    ...headers,
  ].map(String);
}

function writeBody(gateway: Gateway, scenario: Scenario): string {
  const folder = join(HOME, 'bodies');
  const file = join(folder, `${gateway.name}-${scenario.name}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, scenario.upload_bytes ? uploadBody(gateway, scenario.upload_bytes) : chatBody(gateway, scenario));
  return file;
}

const SETTLE_MS = 5_000;
const SETTLE_STEP_MS = 200;
const IDLE_ENOUGH = 0.05;

/** Waits for idle cores, so that one gateway's leftovers do not burden the next. Returns how busy they still were. */
async function settle(): Promise<number> {
  let busy = 1;
  for (const end = Date.now() + SETTLE_MS; busy > IDLE_ENOUGH && Date.now() < end; ) {
    const before = coreTimes();
    await sleep(SETTLE_STEP_MS);
    const after = coreTimes();
    busy = 1 - (after.idle - before.idle) / (after.all - before.all);
  }
  return Number(busy.toFixed(3));
}

function coreTimes() {
  const times = cpus().map((cpu) => cpu.times);
  const sum = (of: (time: (typeof times)[number]) => number) => times.reduce((total, time) => total + of(time), 0);
  return { idle: sum((time) => time.idle), all: sum((time) => Object.values(time).reduce((a, b) => a + b)) };
}
