import type { Engine } from '../../engine.ts';
import type { SimulatorOptions } from '../../options.ts';
import { Refusal } from '../../refusal.ts';
import { type Fields, readFields } from '../fields.ts';
import { giveJson } from '../give-json.ts';
import { type Ending, type Run, serve } from '../serve.ts';
import { planAnswer } from './answer.ts';
import { type Ask, countAnswers, countPrompt } from './ask.ts';
import type { Call, Format } from './call.ts';
import { findCached } from './prefix-cache.ts';
import { streamAnswer } from './stream.ts';

/** A request as its endpoint understands it. */
export interface Reading {
  ask: Ask;
  format(call: Call): Format;
}

/** Serves answers in words, streamed or whole. */
export const speak = (read: (fields: Fields) => Reading) =>
  serve((engine, { body }) => {
    const { ask, format } = read(readFields(body));
    checkLength(ask, engine.options);
    return {
      model: ask.model,
      promptTokens: countPrompt(ask),
      answer: (run) => answer(engine, run, { ask, format }),
    };
  });

function checkLength(ask: Ask, { maxModelLen }: Pick<SimulatorOptions, 'maxModelLen'>): void {
  if (maxModelLen === undefined) return;
  const prompt = Math.max(...ask.prompts.map(({ tokens }) => tokens.length));
  const asked = ask.maxTokens ?? 1;
  if (prompt + asked <= maxModelLen) return;
  throw new Refusal(
    400,
    `This model's maximum context length is ${maxModelLen} tokens, but ${prompt + asked} were asked for: ${prompt} in the input, ${asked} in the answer. Shorten the input or lower max_tokens.`,
  );
}

async function answer(engine: Engine, run: Run, { ask, format }: Reading): Promise<Ending> {
  const call: Call = {
    ask,
    id: run.id,
    created: Math.floor(Date.now() / 1000),
    answers: Array.from({ length: countAnswers(ask) }, (_, choice) => planAnswer(ask, choice, engine.options)),
    promptTokens: countPrompt(ask),
    cachedTokens: ask.prompts.reduce((sum, { tokens }) => sum + findCached(engine, tokens), 0),
  };
  const give = ask.stream ? streamAnswer : giveWhole;
  return (await give(engine, run, { call, format: format(call) }))
    ? (call.answers[0]?.finish_reason ?? 'stop')
    : 'abort';
}

interface Giving {
  call: Call;
  format: Format;
}

function giveWhole(engine: Engine, run: Run, { call, format }: Giving): Promise<boolean> {
  const lengths = call.answers.map(({ steps }) => steps.length);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  return giveJson(engine, run, format.whole(), { tokens, inRow: Math.max(...lengths) });
}
