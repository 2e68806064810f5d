import { type Call, countsOf, type Format, usageOf } from '../text/call.ts';
import { DONE, event } from '../text/events.ts';
import { inventLogprobs, type Likely } from '../text/logprobs.ts';
import { type Answer, callsOf, type Step, textOf } from '../text/step.ts';

/** Role first, then one chunk a token, finish reasons, usage and `[DONE]`. */
export function openChatFormat(call: Call): Format {
  const { ask, answers } = call;
  const given = answers.map(() => 0);
  const usage = (index: number) => (ask.continuousUsage ? countsOf(call.promptTokens, given[index] ?? 0) : undefined);
  const forAll = (part: (answer: Answer) => Omit<Part, 'index' | 'usage'>) =>
    answers.map((answer, index) => chunk(call, { ...part(answer), index, usage: usage(index) })).join('');
  return {
    head: () => forAll(() => ({ delta: { role: 'assistant', content: '' } })),
    step(index, step) {
      const at = given[index] ?? 0;
      given[index] = at + 1;
      return chunk(call, { index, delta: deltaOf(step), logprobs: logprobsOf(call, step, at), usage: usage(index) });
    },
    end() {
      const ends = forAll(({ finish_reason }) => ({ delta: {}, finish_reason }));
      return ask.includeUsage ? ends + usageChunk(call) : ends;
    },
    done: () => DONE,
    whole: () => completion(call),
  };
}

interface Part {
  index: number;
  delta: object;
  logprobs?: ChatLogprobs | null;
  finish_reason?: Answer['finish_reason'];
  usage?: object | undefined;
}

const headOf = ({ id, created, ask }: Call, object: string) => ({
  id: `chatcmpl-${id}`,
  object,
  created,
  model: ask.model,
});

function chunk(call: Call, { index, delta, logprobs, finish_reason, usage }: Part): string {
  const choices = [{ index, delta, logprobs: logprobs ?? null, finish_reason: finish_reason ?? null }];
  return event({ ...headOf(call, 'chat.completion.chunk'), choices, ...(usage && { usage }) });
}

const usageChunk = (call: Call): string =>
  event({ ...headOf(call, 'chat.completion.chunk'), choices: [], usage: usageOf(call) });

function deltaOf(step: Step): object {
  switch (step.kind) {
    case 'content':
      return { content: step.text };
    case 'reasoning':
      return { reasoning_content: step.text };
    case 'call': {
      const { id, name, index } = step.call;
      const opening = step.text === '' && { id, type: 'function' };
      return { tool_calls: [{ index, ...opening, function: { ...(opening && { name }), arguments: step.text } }] };
    }
  }
}

function completion(call: Call): object {
  const choices = call.answers.map((answer, index) => ({
    index,
    message: messageOf(answer),
    logprobs: allLogprobs(call, answer),
    finish_reason: answer.finish_reason,
  }));
  return { ...headOf(call, 'chat.completion'), choices, usage: usageOf(call) };
}

function messageOf(answer: Answer): object {
  const reasoning_content = textOf(answer, 'reasoning');
  const tool_calls = callsOf(answer).map(({ id, name, arguments: text }) => ({
    id,
    type: 'function',
    function: { name, arguments: text },
  }));
  return {
    role: 'assistant',
    content: tool_calls.length > 0 ? null : textOf(answer, 'content'),
    ...(reasoning_content !== '' && { reasoning_content }),
    ...(tool_calls.length > 0 && { tool_calls }),
  };
}

interface ChatLogprobs {
  content: (Likely & { bytes: number[]; top_logprobs: (Likely & { bytes: number[] })[] })[];
}

function allLogprobs(call: Call, { steps }: Answer): ChatLogprobs | null {
  if (call.ask.logprobs === undefined) return null;
  return { content: steps.flatMap((step, at) => logprobsOf(call, step, at)?.content ?? []) };
}

function logprobsOf({ ask }: Call, { kind, text }: Step, at: number): ChatLogprobs | null {
  if (ask.logprobs === undefined || kind !== 'content') return null;
  const { token, logprob, top } = inventLogprobs(text, at, ask.logprobs);
  return { content: [{ ...withBytes({ token, logprob }), top_logprobs: top.map(withBytes) }] };
}

const withBytes = (likely: Likely) => ({ ...likely, bytes: [...Buffer.from(likely.token)] });
