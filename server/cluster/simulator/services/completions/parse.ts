import { Refusal } from '../../refusal.ts';
import { tokenize } from '../../tokenizer.ts';
import { type Fields, modelOf, readWhole } from '../fields.ts';
import { isTokens } from '../inputs.ts';
import type { Ask, Prompt } from '../text/ask.ts';
import { readSampling } from '../text/sampling.ts';

const TOKENS_USUAL = 16;
const LOGPROBS_MAX = 20;
const PROMPTS_MAX = 1_000;

/** A completion that was asked for; `max_tokens` 0 is good for an echo. */
export function parseCompletion(fields: Fields): Ask {
  return {
    ...readSampling(fields),
    model: modelOf(fields),
    prompts: readPrompts(fields),
    maxTokens: readWhole(fields, 'max_tokens', 0, Number.MAX_SAFE_INTEGER) ?? TOKENS_USUAL,
    reasons: false,
    schema: undefined,
    tools: [],
    toolChoice: 'none',
    parallelCalls: false,
    logprobs: readWhole(fields, 'logprobs', 0, LOGPROBS_MAX),
  };
}

function readPrompts({ prompt }: Fields): Prompt[] {
  const list = typeof prompt === 'string' || isTokens(prompt) ? [prompt] : prompt;
  if (!Array.isArray(list) || list.length === 0 || list.length > PROMPTS_MAX)
    throw new Refusal(
      400,
      `prompt: must be a text, a list of tokens, or a list of up to ${PROMPTS_MAX} such.`,
      'prompt',
    );
  return list.map(parsePrompt);
}

function parsePrompt(prompt: unknown): Prompt {
  if (typeof prompt === 'string') return { tokens: tokenize(prompt), last: prompt, isToolResult: false };
  if (isTokens(prompt)) return { tokens: prompt.map(String), last: prompt.join(' '), isToolResult: false };
  throw new Refusal(400, 'prompt: each must be a text or a list of tokens.', 'prompt');
}
