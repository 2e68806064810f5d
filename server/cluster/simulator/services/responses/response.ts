import type { Fields } from '../fields.ts';
import { type Call, usedBy } from '../text/call.ts';
import type { Answer } from '../text/step.ts';
import { closedItem, type Item } from './items.ts';

/** A response that has only begun: what was asked for, and nothing said yet. */
export function openedResponse({ id, created, ask }: Call, fields: Fields) {
  return {
    id: `resp_${id}`,
    object: 'response',
    created_at: created,
    status: 'in_progress',
    background: false,
    error: null,
    incomplete_details: null,
    instructions: fields.instructions ?? null,
    max_output_tokens: ask.maxTokens ?? null,
    metadata: fields.metadata ?? {},
    model: ask.model,
    output: [],
    parallel_tool_calls: ask.parallelCalls,
    previous_response_id: null,
    reasoning: fields.reasoning ?? null,
    store: false,
    temperature: fields.temperature ?? 1,
    text: fields.text ?? { format: { type: 'text' } },
    tool_choice: fields.tool_choice ?? 'auto',
    tools: fields.tools ?? [],
    top_p: fields.top_p ?? 1,
    truncation: 'disabled',
    usage: null,
  };
}

interface Said {
  answer: Answer;
  items: readonly Item[];
}

/** The same with all that was said. */
export const closedResponse = (call: Call, fields: Fields, { answer, items }: Said) => ({
  ...openedResponse(call, fields),
  ...endOf(answer),
  output: items.map(closedItem),
  usage: usageOf(call),
});

const endOf = ({ finish_reason }: Answer) =>
  finish_reason === 'length'
    ? { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }
    : { status: 'completed' };

function usageOf(call: Call) {
  const { prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens } = usedBy(call);
  return {
    input_tokens: prompt_tokens,
    input_tokens_details: { cached_tokens },
    output_tokens: completion_tokens,
    output_tokens_details: { reasoning_tokens },
    total_tokens: prompt_tokens + completion_tokens,
  };
}
