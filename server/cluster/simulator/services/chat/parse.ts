import { Refusal } from '../../refusal.ts';
import { type Fields, isRecord, modelOf, readWhole } from '../fields.ts';
import type { Ask, Tool, ToolChoice } from '../text/ask.ts';
import { parseMessage, promptOf } from '../text/messages.ts';
import { readSampling } from '../text/sampling.ts';
import { checkChoice, readTools } from '../text/tools.ts';

/** A chat completion that was asked for, checked as far as it is used. */
export function parseChat(fields: Fields): Ask {
  const { messages, max_tokens, max_completion_tokens } = fields;
  if (!Array.isArray(messages) || messages.length === 0)
    throw new Refusal(400, 'messages: must be a list of messages.', 'messages');
  const tools = readTools(fields, ({ function: own }) => own);
  return {
    ...readSampling(fields),
    model: modelOf(fields),
    prompts: [promptOf(messages.map(parseMessage), tools)],
    maxTokens: readWhole({ max_tokens: max_completion_tokens ?? max_tokens }, 'max_tokens', 1, Number.MAX_SAFE_INTEGER),
    reasons: thinks(fields),
    schema: readSchema(fields),
    tools,
    toolChoice: readToolChoice(fields, tools),
    parallelCalls: fields.parallel_tool_calls !== false,
    logprobs: readLogprobs(fields),
  };
}

/** Engines that think can be told not to. */
function thinks({ reasoning_effort, chat_template_kwargs }: Fields): boolean {
  const isOff = isRecord(chat_template_kwargs) && chat_template_kwargs.enable_thinking === false;
  return reasoning_effort !== 'none' && !isOff;
}

function readSchema({ response_format }: Fields): Ask['schema'] {
  if (!isRecord(response_format) || response_format.type === 'text') return undefined;
  const { type, json_schema } = response_format;
  if (type === 'json_object') return true;
  if (type === 'json_schema' && isRecord(json_schema) && isRecord(json_schema.schema)) return json_schema.schema;
  throw new Refusal(
    400,
    'response_format: must be text, json_object, or json_schema with a schema.',
    'response_format',
  );
}

function readToolChoice({ tool_choice }: Fields, tools: readonly Tool[]): ToolChoice {
  const named = isRecord(tool_choice) && isRecord(tool_choice.function) ? tool_choice.function.name : undefined;
  return checkChoice(named === undefined ? tool_choice : { name: named }, tools);
}

const TOP_LOGPROBS_MAX = 20;

function readLogprobs(fields: Fields): number | undefined {
  const top = readWhole(fields, 'top_logprobs', 0, TOP_LOGPROBS_MAX);
  if (fields.logprobs === true) return top ?? 0;
  if (top !== undefined && top > 0) throw new Refusal(400, 'top_logprobs: needs `logprobs: true`.', 'top_logprobs');
  return undefined;
}
