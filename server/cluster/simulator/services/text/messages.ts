import { hashText } from '../../random.ts';
import { Refusal } from '../../refusal.ts';
import { tokenize } from '../../tokenizer.ts';
import { type Fields, isRecord } from '../fields.ts';
import type { Prompt, Tool } from './ask.ts';

/** One turn of a conversation, as a chat template sees it. */
export interface Message {
  role: string;
  tokens: string[];
  text: string;
}

/** The tokens of one image, and of one that may be seen coarsely. */
const IMAGE_TOKENS = 256;
const LOW_IMAGE_TOKENS = 64;

/** The prompt of a conversation. What an echo repeats is what the user, or a tool, said last. */
export function promptOf(messages: readonly Message[], tools: readonly Tool[]): Prompt {
  const last = messages.findLast(({ role }) => role === 'user' || role === 'tool') ?? messages.at(-1);
  const defined = tools.length > 0 ? tokenize(JSON.stringify(tools)) : [];
  return {
    tokens: [...defined, ...messages.flatMap(template)],
    last: last?.text ?? '',
    isToolResult: last?.role === 'tool',
  };
}

/** Four tokens around each message. */
const template = ({ role, tokens }: Message): string[] => ['<|', role, '|>', ...tokens, '<|end|>'];

/** A message of chat completions. */
export function parseMessage(message: unknown): Message {
  if (!isRecord(message)) throw new Refusal(400, 'messages: each must be an object.', 'messages');
  const { role, content, tool_calls } = message;
  const calls = Array.isArray(tool_calls) ? tokenize(tool_calls.map(callText).join(' ')) : [];
  return { role: String(role), tokens: [...contentTokens(content), ...calls], text: textOf(content) };
}

const callText = (call: unknown): string =>
  isRecord(call) && isRecord(call.function) ? `${call.function.name}${call.function.arguments}` : '';

/** The words of a text, or of all parts that have some. */
export function textOf(content: unknown): string {
  if (!Array.isArray(content)) return typeof content === 'string' ? content : '';
  return content.map((part) => (isRecord(part) && typeof part.text === 'string' ? part.text : '')).join('');
}

/** The tokens of a text, or of parts with text and images. */
export function contentTokens(content: unknown): string[] {
  if (!Array.isArray(content)) return tokenize(textOf(content));
  const images = content.filter(isRecord).flatMap(imageTokens);
  return [...images, ...tokenize(textOf(content))];
}

/** `image_url` is an object in chat completions and a text in responses. */
function imageTokens({ image_url, detail }: Fields): string[] {
  if (image_url === undefined) return [];
  const { url, detail: own } = isRecord(image_url) ? image_url : { url: image_url, detail };
  if (typeof url !== 'string' || !/^(https?:|data:image\/)/.test(url))
    throw new Refusal(400, 'image_url: must be an http(s) address or data:image/….', 'messages');
  const count = (own ?? detail) === 'low' ? LOW_IMAGE_TOKENS : IMAGE_TOKENS;
  const name = hashText(url).toString(36);
  return Array.from({ length: count }, (_, at) => `<${name}:${at}>`);
}
