import { isRecord, type Json } from '../rewrite.ts';

/** The same answer or chunk with other choices. */
export function withChoices(value: Json, change: (choice: Json) => Json): Json {
  const choices = Array.isArray(value.choices) ? value.choices : [];
  return { ...value, choices: choices.filter(isRecord).map(change) };
}

export const hasChoices = ({ choices }: Json): boolean => Array.isArray(choices) && choices.length > 0;

/** Whether a chunk says who speaks and no more. */
export function isRoleOnly({ choices }: Json): boolean {
  const all = Array.isArray(choices) ? choices.filter(isRecord) : [];
  return (
    all.length > 0 &&
    all.every(
      ({ delta, finish_reason }) =>
        isRecord(delta) && delta.content === '' && delta.role !== undefined && finish_reason === null,
    )
  );
}

/** Who speaks, in every chunk. */
export const withRole = (choice: Json): Json =>
  isRecord(choice.delta) ? { ...choice, delta: { role: 'assistant', content: '', ...choice.delta } } : choice;

/** Usage only where it stands alone: the engine does not know of continuous counts. */
export function withoutContinuousUsage(value: Json): Json {
  if (value.object !== 'chat.completion.chunk' || !hasChoices(value)) return value;
  const { usage: _usage, ...rest } = value;
  return rest;
}
