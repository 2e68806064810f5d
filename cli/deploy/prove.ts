import { type Eco, EcoError, WaitError, type Workload } from '../../sdk/index.ts';
import type { Deploying, DeployPlan } from './deploying.ts';
import { callForSmoke } from './smoke.ts';

/** Waits until the instance runs and has answered a call. Where it does not, its last words are told before the reason is thrown. */
export async function prove(deploying: Deploying, { wish }: DeployPlan, { id, ref }: Workload): Promise<void> {
  const { eco, note, signal, waitTimeoutMs: timeoutMs } = deploying;
  let said = '';
  const onChange = ({ state, message }: Workload) => {
    const line = `${ref} is ${state}. ${message}`;
    if (line !== said) note(line);
    said = line;
  };
  try {
    await eco.workloads.waitUntilRunning(id, { timeoutMs, signal, onChange });
    if (!wish.smoke) return;
    await callForSmoke(eco, { id, ref, category: wish.model.category, smoke: wish.smoke }, signal);
    note(`${ref} has answered the smoke call.`);
  } catch (error) {
    if (!signal.aborted) await tellLastLines(eco, id, note);
    throw error instanceof WaitError ? withLogs(error, id) : error;
  }
}

/** It is ended now, so there is nothing left to wait for. */
const withLogs = ({ code, message }: WaitError, id: number) =>
  new EcoError(code, message, { status: 0, hint: `eco logs ${id}` });

const LINES = 10;
const LINES_TIMEOUT_MS = 5_000;

async function tellLastLines(eco: Eco, id: number, note: (text: string) => void): Promise<void> {
  try {
    const query = { tail: LINES };
    for await (const { replica, text } of eco.workloads.logs(id, query, {
      signal: AbortSignal.timeout(LINES_TIMEOUT_MS),
    }))
      note(`  ${replica} | ${text}`);
  } catch {
    // what is on its way says more than that there are no logs
  }
}
