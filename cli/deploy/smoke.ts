import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Eco, EcoError, type ModelCategory, type RequestOptions } from '../../sdk/index.ts';
import type { Smoke } from './deploy-file.ts';

/** After a first one that fails for what may pass. */
const RETRIES = 1;
const OK = 200;

interface Called {
  id: number;
  ref: string;
  category: ModelCategory;
  smoke: Smoke;
}

/** One small call of an instance through the gateway. Throws `smoke_failed` unless it answers as it has to. */
export async function callForSmoke(eco: Eco, { id, ref, category, smoke }: Called, signal: AbortSignal): Promise<void> {
  const options = { signal, maxRetries: RETRIES, timeoutMs: smoke.timeout };
  const { status, why } = await statusOf(calls[category](eco, { ...smoke, model: ref }, options), signal);
  if (status === smoke.status) return;
  const answered = status === 0 ? 'had no answer' : `answered ${status}, not ${smoke.status}`;
  throw new EcoError('smoke_failed', `The smoke call of ${ref} ${answered}${why}`, {
    status: 0,
    hint: `eco logs ${id}`,
  });
}

async function statusOf(call: Promise<unknown>, signal: AbortSignal): Promise<{ status: number; why: string }> {
  try {
    await call;
    return { status: OK, why: '.' };
  } catch (error) {
    if (signal.aborted || !(error instanceof EcoError)) throw error;
    return { status: error.status, why: `: ${error.message}` };
  }
}

type Call = (eco: Eco, said: Smoke & { model: string }, options: RequestOptions) => Promise<unknown>;

const GREETING = 'Say hello.';
const TOKENS = 16;

/** What each category is called with; answers are read to their end. */
const calls: Record<ModelCategory, Call> = {
  chat: (eco, { model, prompt = GREETING }, options) =>
    eco.chat.create({ model, messages: [{ role: 'user', content: prompt }], max_tokens: TOKENS }, options),
  embedding: (eco, { model, input = 'hello' }, options) => eco.embeddings.create({ model, input }, options),
  reranker: (eco, { model, prompt = 'hello', input = 'hello' }, options) =>
    eco.ranking.rerank({ model, query: prompt, documents: [input] }, options),
  image: (eco, { model, prompt = 'A red square.' }, options) => eco.images.generate({ model, prompt }, options),
  audio: async (eco, { model, input = 'Hello.', file }, options) => {
    if (file !== undefined) return eco.audio.transcribe({ model, file: await readAudio(file) }, options);
    return (await eco.audio.speak({ model, input, voice: 'alloy' }, options)).arrayBuffer();
  },
  video: async (eco, { model, prompt = 'A red square.' }, options) => {
    const { id } = await eco.videos.create({ model, prompt }, options);
    return eco.videos.cancel(id, options);
  },
};

const readAudio = async (path: string) => new File([await readFile(path)], basename(path));
