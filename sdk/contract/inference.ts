import { z } from 'zod';
import { endpoint, none } from './endpoint.ts';

/**
 * The inference API is OpenAI's: what is named here is what EcoLink reads, everything else passes through as it came.
 * Full types come with the `openai` package (`eco.openai()`).
 */
export const ChatMessage = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string() })), z.null()]).optional(),
});
export type ChatMessage = z.infer<typeof ChatMessage>;

/** Of every call: what `model` may be. */
export const ModelField = z
  .string()
  .describe('A platform model or its alias, an alias of your own, or `name:id` of an instance of your own.');

export const ChatInput = z.looseObject({
  model: ModelField,
  messages: z.array(ChatMessage).min(1),
  stream: z.boolean().optional(),
  max_tokens: z.int().positive().optional(),
});

export const TokenUsage = z.looseObject({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() });

export const ChatCompletion = z.looseObject({
  id: z.string(),
  object: z.literal('chat.completion'),
  created: z.int(),
  model: z.string(),
  choices: z.array(
    z.looseObject({
      index: z.int(),
      message: z.looseObject({ role: z.string(), content: z.string().nullable() }),
      finish_reason: z.string().nullable(),
    }),
  ),
  usage: TokenUsage.optional(),
});
export type ChatCompletion = z.infer<typeof ChatCompletion>;

export const ChatChunk = z.looseObject({
  id: z.string(),
  choices: z.array(
    z.looseObject({
      index: z.int(),
      delta: z.looseObject({ role: z.string().optional(), content: z.string().nullable().optional() }),
      finish_reason: z.string().nullable().optional(),
    }),
  ),
  usage: TokenUsage.nullable().optional(),
});
export type ChatChunk = z.infer<typeof ChatChunk>;

export const createChatCompletion = endpoint({
  name: 'createChatCompletion',
  method: 'POST',
  path: '/v1/chat/completions',
  summary: 'Chat with a platform model or an instance of your own, streamed or not',
  scope: 'inference',
  input: ChatInput,
  output: ChatCompletion,
  answer: 'gateway',
});

export const CompletionInput = z.looseObject({
  model: ModelField,
  prompt: z.union([z.string(), z.array(z.string()), z.array(z.int()), z.array(z.array(z.int()))]),
  stream: z.boolean().optional(),
  max_tokens: z.int().positive().optional(),
});

export const Completion = z.looseObject({
  id: z.string(),
  object: z.literal('text_completion'),
  created: z.int(),
  model: z.string(),
  choices: z.array(z.looseObject({ index: z.int(), text: z.string(), finish_reason: z.string().nullable() })),
  usage: TokenUsage.optional(),
});
export type Completion = z.infer<typeof Completion>;

export const createCompletion = endpoint({
  name: 'createCompletion',
  method: 'POST',
  path: '/v1/completions',
  summary: 'Continue a text, where the engine has it; streamed or not',
  scope: 'inference',
  input: CompletionInput,
  output: Completion,
  answer: 'gateway',
});

export const ResponseInput = z.looseObject({
  model: ModelField,
  input: z.union([z.string(), z.array(z.looseObject({}))]),
  stream: z.boolean().optional(),
  max_output_tokens: z.int().positive().optional(),
});

export const ModelResponse = z.looseObject({
  id: z.string(),
  object: z.literal('response'),
  model: z.string(),
  status: z.string(),
  output: z.array(z.looseObject({ type: z.string() })),
  usage: z.looseObject({ input_tokens: z.int(), output_tokens: z.int(), total_tokens: z.int() }).nullable().optional(),
});
export type ModelResponse = z.infer<typeof ModelResponse>;

export const createResponse = endpoint({
  name: 'createResponse',
  method: 'POST',
  path: '/v1/responses',
  summary: 'Answer in the form of the Responses API, where the engine has it; streamed or not. Nothing is stored here',
  scope: 'inference',
  input: ResponseInput,
  output: ModelResponse,
  answer: 'gateway',
});

export const ServedModel = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.int().describe('Unix seconds, as OpenAI has it.'),
  owned_by: z.string().describe('`ecolink`, or the account of an own instance.'),
});
export type ServedModel = z.infer<typeof ServedModel>;

export const listServedModels = endpoint({
  name: 'listServedModels',
  method: 'GET',
  path: '/v1/models',
  summary: 'Models this key can call: the catalogue and the account’s own running instances',
  scope: 'inference',
  input: none,
  output: z.object({ object: z.literal('list'), data: z.array(ServedModel) }),
});

export const getServedModel = endpoint({
  name: 'getServedModel',
  method: 'GET',
  path: '/v1/models/{model}',
  summary: 'One model this key can call',
  scope: 'inference',
  input: z.object({ model: z.string().describe('May hold slashes.') }),
  output: ServedModel,
});
