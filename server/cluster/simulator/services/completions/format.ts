import { type Call, countsOf, type Format, usageOf } from '../text/call.ts';
import { DONE, event } from '../text/events.ts';
import { inventLogprobs } from '../text/logprobs.ts';
import { type Answer, textOf } from '../text/step.ts';

/** One chunk a token, finish reasons, usage and `[DONE]`; with an echo the prompts first. */
export function openCompletionFormat(call: Call, echoes: boolean): Format {
  const { ask, answers } = call;
  const given = answers.map(() => 0);
  const ends = answers.map((_, index) => (echoes ? promptOf(call, index).last.length : 0));
  const usage = (index: number) => (ask.continuousUsage ? countsOf(call.promptTokens, given[index] ?? 0) : undefined);
  const one = (index: number, part: Partial<Choice>) =>
    event({
      ...headOf(call),
      choices: [{ index, text: '', logprobs: null, finish_reason: null, ...part }],
      ...(usage(index) && { usage: usage(index) }),
    });
  return {
    head: () => (echoes ? answers.map((_, index) => one(index, echoOf(call, index))).join('') : ''),
    step(index, { text }) {
      const at = given[index] ?? 0;
      const offset = ends[index] ?? 0;
      given[index] = at + 1;
      ends[index] = offset + text.length;
      return one(index, { text, logprobs: logprobsOf(call, [text], { at, offset }) });
    },
    end() {
      const last = answers.map(({ finish_reason }, index) => one(index, { finish_reason })).join('');
      if (!ask.includeUsage) return last;
      return last + event({ ...headOf(call), choices: [], usage: usageOf(call) });
    },
    done: () => DONE,
    whole: () => ({
      ...headOf(call),
      choices: answers.map((answer, index) => wholeChoice(call, { answer, index, echoes })),
      usage: usageOf(call),
    }),
  };
}

interface Choice {
  text: string;
  logprobs: CompletionLogprobs | null;
  finish_reason: Answer['finish_reason'] | null;
}

const headOf = ({ id, created, ask }: Call) => ({
  id: `cmpl-${id}`,
  object: 'text_completion',
  created,
  model: ask.model,
});

function promptOf({ ask }: Call, index: number) {
  return ask.prompts[Math.floor(index / ask.choices)] ?? { last: '', tokens: [] };
}

function echoOf(call: Call, index: number): Pick<Choice, 'text' | 'logprobs'> {
  const { last, tokens } = promptOf(call, index);
  const logprobs = logprobsOf(call, tokens, { at: 0, offset: 0 });
  if (logprobs && logprobs.tokens.length > 0) {
    logprobs.token_logprobs[0] = null; // nothing stood before it
    logprobs.top_logprobs[0] = null;
  }
  return { text: last, logprobs };
}

interface Telling {
  answer: Answer;
  index: number;
  echoes: boolean;
}

function wholeChoice(call: Call, { answer, index, echoes }: Telling): Choice & { index: number } {
  const echo = echoes ? echoOf(call, index) : { text: '', logprobs: null };
  const tokens = answer.steps.map(({ text }) => text);
  return {
    index,
    text: echo.text + textOf(answer, 'content'),
    logprobs: join(echo.logprobs, logprobsOf(call, tokens, { at: 0, offset: echo.text.length })),
    finish_reason: answer.finish_reason,
  };
}

interface CompletionLogprobs {
  tokens: string[];
  token_logprobs: (number | null)[];
  top_logprobs: (Record<string, number> | null)[];
  /** Where each token begins in the text. */
  text_offset: number[];
}

function join(left: CompletionLogprobs | null, right: CompletionLogprobs | null): CompletionLogprobs | null {
  if (!left || !right) return right;
  return {
    tokens: [...left.tokens, ...right.tokens],
    token_logprobs: [...left.token_logprobs, ...right.token_logprobs],
    top_logprobs: [...left.top_logprobs, ...right.top_logprobs],
    text_offset: [...left.text_offset, ...right.text_offset],
  };
}

interface From {
  /** Tokens of the answer before these. */
  at: number;
  /** Characters before them. */
  offset: number;
}

function logprobsOf({ ask }: Call, tokens: readonly string[], { at, offset }: From): CompletionLogprobs | null {
  const { logprobs } = ask;
  if (logprobs === undefined) return null;
  const known = tokens.map((token, index) => inventLogprobs(token, at + index, logprobs));
  let end = offset;
  return {
    tokens: [...tokens],
    token_logprobs: known.map(({ logprob }) => logprob),
    top_logprobs: known.map(({ top }) => Object.fromEntries(top.map(({ token, logprob }) => [token, logprob]))),
    text_offset: tokens.map((token) => {
      end += token.length;
      return end - token.length;
    }),
  };
}
