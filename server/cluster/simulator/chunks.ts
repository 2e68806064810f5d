import type { Answer } from './answer.ts';

export interface Usage {
  prompt_tokens: number;
  total_tokens: number;
  completion_tokens: number;
}

export const usageOf = (prompt_tokens: number, completion_tokens: number): Usage => ({
  prompt_tokens,
  total_tokens: prompt_tokens + completion_tokens,
  completion_tokens,
});

/** What all chunks of an answer have in common. */
export interface Head {
  id: string;
  created: number;
  model: string;
}

interface Part {
  index: number;
  delta: { role?: string; content?: string };
  finish_reason?: Answer['finish_reason'];
  usage?: Usage | undefined;
}

/** One server-sent event of a stream, in vLLM's shape. */
export function chunk({ id, created, model }: Head, { index, delta, finish_reason, usage }: Part): string {
  const choices = [{ index, delta, logprobs: null, finish_reason: finish_reason ?? null }];
  return event({ id, object: 'chat.completion.chunk', created, model, choices, ...(usage && { usage }) });
}

export const usageChunk = ({ id, created, model }: Head, usage: Usage): string =>
  event({ id, object: 'chat.completion.chunk', created, model, choices: [], usage });

export const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
export const DONE = 'data: [DONE]\n\n';

export function completion({ id, created, model }: Head, answers: readonly Answer[], usage: Usage | undefined): string {
  const choices = answers.map(({ tokens, finish_reason }, index) => ({
    index,
    message: { role: 'assistant', content: tokens.join('') },
    logprobs: null,
    finish_reason,
  }));
  return JSON.stringify({ id, object: 'chat.completion', created, model, choices, ...(usage && { usage }) });
}
