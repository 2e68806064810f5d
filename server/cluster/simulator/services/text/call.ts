import type { Ask } from './ask.ts';
import { type Answer, countOf, type Step } from './step.ts';

/** An answer in words under way. */
export interface Call {
  ask: Ask;
  /** Of the request, without the endpoint's prefix. */
  id: string;
  /** Unix seconds. */
  created: number;
  answers: Answer[];
  promptTokens: number;
  cachedTokens: number;
}

/** How an endpoint words an answer: as events in this order, or whole. */
export interface Format {
  head(): string;
  step(choice: number, step: Step): string;
  /** After the last token. */
  end(): string;
  /** The mark that nothing follows. */
  done(): string;
  whole(): object;
}

export interface Used {
  prompt_tokens: number;
  completion_tokens: number;
  cached_tokens: number;
  reasoning_tokens: number;
}

/** What a whole answer used, over all choices. */
export const usedBy = ({ answers, promptTokens, cachedTokens }: Call): Used => ({
  prompt_tokens: promptTokens,
  completion_tokens: answers.reduce((sum, { steps }) => sum + steps.length, 0),
  cached_tokens: cachedTokens,
  reasoning_tokens: answers.reduce((sum, answer) => sum + countOf(answer, 'reasoning'), 0),
});

/** The same as chat and plain completions have it; details only where there is something to tell. */
export function usageOf(call: Call) {
  const { prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens } = usedBy(call);
  return {
    ...countsOf(prompt_tokens, completion_tokens),
    ...(cached_tokens > 0 && { prompt_tokens_details: { cached_tokens } }),
    ...(reasoning_tokens > 0 && { completion_tokens_details: { reasoning_tokens } }),
  };
}

export const countsOf = (prompt_tokens: number, completion_tokens: number) => ({
  prompt_tokens,
  total_tokens: prompt_tokens + completion_tokens,
  completion_tokens,
});
