import { setTimeout as sleep } from 'node:timers/promises';
import type OpenAI from 'openai';

/** Ends with the test at the latest. */
export interface Load extends Disposable {
  /** Ends it; gives how many calls there were and why those that failed did. */
  end(): Promise<{ calls: number; failures: string[]; regions: Record<string, number> }>;
}

const QUESTION = [{ role: 'user' as const, content: 'one two three four five six seven eight' }];

/** Calls at an even pace, every other one streamed, whatever becomes of those before. */
export function startLoad(openai: OpenAI, model: string, { perSecond = 20 } = {}): Load {
  const failures: string[] = [];
  const regions: Record<string, number> = {};
  const running = new Set<Promise<void>>();
  let calls = 0;
  const call = async (stream: boolean) => {
    const began = Date.now();
    try {
      const region = stream ? await askStreamed(openai, model) : await askWhole(openai, model);
      regions[region] = (regions[region] ?? 0) + 1;
    } catch (error) {
      failures.push(`${stream ? 'streamed' : 'whole'} after ${Date.now() - began} ms: ${String(error)}`);
    }
  };
  const timer = setInterval(() => {
    const promise: Promise<void> = call(calls++ % 2 === 0).finally(() => running.delete(promise));
    running.add(promise);
  }, 1000 / perSecond);
  return {
    async end() {
      clearInterval(timer);
      while (running.size > 0) await Promise.race([Promise.all(running), sleep(100)]);
      return { calls, failures, regions };
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** Of calls at the same time: as each goes where the least are under way, replicas that are in rotation all get some. */
export async function regionsThatAnswer(openai: OpenAI, model: string, calls = 8): Promise<string[]> {
  const regions = await Promise.all(Array.from({ length: calls }, () => askWhole(openai, model)));
  return [...new Set(regions)].toSorted();
}

async function askWhole(openai: OpenAI, model: string): Promise<string> {
  const { data, response } = await openai.chat.completions.create({ model, messages: QUESTION }).withResponse();
  if (!data.choices[0]?.message.content) throw new Error('an empty answer');
  return regionOf(response);
}

async function askStreamed(openai: OpenAI, model: string): Promise<string> {
  const { data, response } = await openai.chat.completions
    .create({ model, messages: QUESTION, stream: true })
    .withResponse();
  const chunks = await Array.fromAsync(data);
  if (chunks.at(-1)?.choices[0]?.finish_reason !== 'stop') throw new Error('the stream was cut');
  return regionOf(response);
}

const regionOf = (response: Response) => response.headers.get('x-ecolink-region') ?? 'none';
