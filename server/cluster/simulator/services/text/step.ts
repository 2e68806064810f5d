/** One token of an answer. */
export type Step =
  | { kind: 'reasoning'; text: string }
  | { kind: 'content'; text: string }
  /** A piece of the arguments of a tool call; the first of a call has no text. */
  | { kind: 'call'; text: string; call: ToolCall };

export interface ToolCall {
  id: string;
  name: string;
  /** Place among the calls of its answer. */
  index: number;
}

/** What one choice says: decided before its first token is sent. */
export interface Answer {
  steps: Step[];
  finish_reason: 'stop' | 'length' | 'tool_calls';
}

export const stepsOf = (kind: 'reasoning' | 'content', tokens: readonly string[]): Step[] =>
  tokens.map((text) => ({ kind, text }));

/** All tokens of a kind, put together. */
export const textOf = ({ steps }: Answer, kind: Step['kind']): string =>
  steps.map((step) => (step.kind === kind ? step.text : '')).join('');

export const countOf = ({ steps }: Answer, kind: Step['kind']): number =>
  steps.filter((step) => step.kind === kind).length;

/** The calls of an answer with their arguments, in order. */
export function callsOf({ steps }: Answer): (ToolCall & { arguments: string })[] {
  const calls: (ToolCall & { arguments: string })[] = [];
  for (const step of steps) {
    if (step.kind !== 'call') continue;
    const open = calls[step.call.index];
    if (open) open.arguments += step.text;
    else calls.push({ ...step.call, arguments: step.text });
  }
  return calls;
}
