import OpenAI from 'openai';
import type { SimulatorOptions } from '../server/cluster/simulator/options.ts';
import { startSimulator } from '../server/cluster/simulator/start.ts';

export interface Sim extends AsyncDisposable {
  url: string;
  openai: OpenAI;
  /** What it has printed so far. */
  lines: string[];
}

/** A simulator that has loaded and takes no time, with a client. */
export async function startSim(options: Partial<SimulatorOptions> = {}): Promise<Sim> {
  const lines: string[] = [];
  const simulator = await startSimulator({ ttftMs: 0, itlMs: 0, ...options }, (line) => lines.push(line));
  await simulator.loaded;
  const openai = new OpenAI({ baseURL: `${simulator.url}/v1`, apiKey: 'none', maxRetries: 0 });
  return {
    url: simulator.url,
    openai,
    lines,
    [Symbol.asyncDispose]: () => simulator[Symbol.asyncDispose](),
  };
}

/** A POST with JSON as it is, for what the client would not send. */
export const post = (url: string, body: unknown): Promise<Response> =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
