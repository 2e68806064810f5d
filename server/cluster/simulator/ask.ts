import { countTokens } from './tokenizer.ts';

/** A chat completion that was asked for, checked as far as the simulator uses it. */
export interface Ask {
  model: string;
  messages: { role: string; text: string }[];
  maxTokens: number | undefined;
  ignoreEos: boolean;
  stop: string[];
  choices: number;
  stream: boolean;
  includeUsage: boolean;
  /** Usage in every chunk, as vLLM has it: only together with `include_usage`. */
  continuousUsage: boolean;
}

const CHOICES_MAX = 128;

/** Throws a `RangeError` that names the field. */
export function parseAsk(body: unknown): Ask {
  if (!isRecord(body)) throw new RangeError('The body must be a JSON object.');
  const { model, messages, n, stream, stream_options, stop, ignore_eos, max_tokens, max_completion_tokens } = body;
  if (!Array.isArray(messages) || messages.length === 0) throw new RangeError('messages: must be a list of messages.');
  const options = isRecord(stream_options) ? stream_options : {};
  return {
    model: typeof model === 'string' ? model : 'sim',
    messages: messages.map(parseMessage),
    maxTokens: whole('max_tokens', max_completion_tokens ?? max_tokens, Number.MAX_SAFE_INTEGER),
    ignoreEos: ignore_eos === true,
    stop: [stop].flat().filter((text) => typeof text === 'string' && text !== '') as string[],
    choices: whole('n', n, CHOICES_MAX) ?? 1,
    stream: stream === true,
    includeUsage: options.include_usage === true,
    continuousUsage: options.include_usage === true && options.continuous_usage_stats === true,
  };
}

/** What a chat template adds around each message. */
const TEMPLATE_TOKENS = 4;

export const countPrompt = ({ messages }: Ask): number =>
  messages.reduce((sum, { text }) => sum + countTokens(text) + TEMPLATE_TOKENS, 0);

function parseMessage(message: unknown): Ask['messages'][number] {
  if (!isRecord(message)) throw new RangeError('messages: each must be an object.');
  return { role: String(message.role), text: textOf(message.content) };
}

function textOf(content: unknown): string {
  if (!Array.isArray(content)) return typeof content === 'string' ? content : '';
  return content.map((part) => (isRecord(part) && typeof part.text === 'string' ? part.text : '')).join('');
}

function whole(field: string, value: unknown, max: number): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > max)
    throw new RangeError(`${field}: must be a whole number of at least 1.`);
  return value;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
