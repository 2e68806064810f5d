import { Refusal } from '../../refusal.ts';
import { tokenize } from '../../tokenizer.ts';
import { type Fields, isRecord, modelOf, readWhole } from '../fields.ts';
import type { Ask } from '../text/ask.ts';
import { contentTokens, type Message, promptOf, textOf } from '../text/messages.ts';
import { readSampling } from '../text/sampling.ts';
import { checkChoice, readTools } from '../text/tools.ts';

/** A response that was asked for, checked as far as it is used. */
export function parseResponse(fields: Fields): Ask {
  const { input, instructions, previous_response_id, reasoning, tool_choice } = fields;
  if (previous_response_id !== undefined && previous_response_id !== null)
    throw new Refusal(
      404,
      `Response with id '${previous_response_id}' not found: none is stored.`,
      'previous_response_id',
    );
  const tools = readTools(fields, (tool) => tool);
  const system = typeof instructions === 'string' ? [messageOf('system', instructions)] : [];
  return {
    ...readSampling({ stream: fields.stream, seed: fields.seed }),
    model: modelOf(fields),
    prompts: [promptOf([...system, ...parseInput(input)], tools)],
    maxTokens: readWhole(fields, 'max_output_tokens', 1, Number.MAX_SAFE_INTEGER),
    reasons: !(isRecord(reasoning) && reasoning.effort === 'none'),
    schema: readSchema(fields),
    tools,
    toolChoice: checkChoice(tool_choice, tools),
    parallelCalls: fields.parallel_tool_calls !== false,
    logprobs: undefined,
  };
}

const messageOf = (role: string, content: unknown): Message => ({
  role,
  tokens: contentTokens(content),
  text: textOf(content),
});

function parseInput(input: unknown): Message[] {
  if (typeof input === 'string') return [messageOf('user', input)];
  if (Array.isArray(input) && input.length > 0) return input.map(parseItem);
  throw new Refusal(400, 'input: must be a text or a list of items.', 'input');
}

function parseItem(item: unknown): Message {
  if (!isRecord(item)) throw new Refusal(400, 'input: each item must be an object.', 'input');
  if (item.type === 'function_call_output') return messageOf('tool', item.output);
  if (item.type === 'function_call')
    return { role: 'assistant', tokens: tokenize(`${item.name}${item.arguments}`), text: '' };
  return messageOf(String(item.role ?? 'assistant'), item.content);
}

function readSchema({ text }: Fields): Ask['schema'] {
  const format = isRecord(text) && isRecord(text.format) ? text.format : { type: 'text' };
  if (format.type === 'text') return undefined;
  if (format.type === 'json_object') return true;
  if (format.type === 'json_schema' && isRecord(format.schema)) return format.schema;
  throw new Refusal(400, 'text.format: must be text, json_object, or json_schema with a schema.', 'text');
}
