import type { Fault } from './faults.ts';

export type Json = Record<string, unknown>;

export const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether an event holds a token, and not only a role, an end or a count. */
export function isToken({ choices, type }: Json): boolean {
  if (Array.isArray(choices)) return choices.some(hasText);
  return typeof type === 'string' && type.endsWith('.delta');
}

function hasText(choice: unknown): boolean {
  if (!isRecord(choice)) return false;
  const delta = isRecord(choice.delta) ? choice.delta : {};
  const { content, reasoning, reasoning_content, tool_calls } = delta;
  return [choice.text, content, reasoning, reasoning_content, tool_calls].some(Boolean);
}

/** What is left of a count of tokens. Undefined where that was all that an event had to say. */
export function rewriteUsage(value: Json, faults: readonly Fault[]): Json | undefined {
  if (isRecord(value.response)) return { ...value, response: rewriteUsage(value.response, faults) };
  if (value.usage === undefined || value.usage === null) return value;
  const { usage, ...rest } = value;
  if (faults.some(({ kind }) => kind === 'no-usage')) return isOnlyUsage(value) ? undefined : rest;
  const wrong = faults.find(({ kind }) => kind === 'wrong-usage');
  return wrong ? { ...value, usage: distort(usage, wrong.detail) } : value;
}

const isOnlyUsage = ({ choices }: Json) => Array.isArray(choices) && choices.length === 0;

const ABSURD = 1_000_000;

function distort(value: unknown, variant: string): unknown {
  if (isRecord(value))
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, distort(each, variant)]));
  if (typeof value !== 'number') return value;
  if (variant === 'null') return null;
  if (variant === 'text') return `about ${value}`;
  return variant === 'negative' ? -1 - value : (value + 1) * ABSURD;
}

/** The same event with another text for its token. */
export function withText(value: Json, text: string): Json {
  const [first, ...others] = Array.isArray(value.choices) ? value.choices : [];
  if (!isRecord(first)) return { ...value, delta: text };
  const told = 'text' in first ? { ...first, text } : { ...first, delta: { content: text } };
  return { ...value, choices: [told, ...others] };
}

const EURO = Buffer.from('€');

/** The first bytes of an event, up to the middle of a character. */
export function cutCharacter(value: Json): Buffer {
  const bytes = Buffer.from(`data: ${JSON.stringify(withText(value, ' half a €uro'))}\n\n`);
  return bytes.subarray(0, bytes.indexOf(EURO) + 1);
}
