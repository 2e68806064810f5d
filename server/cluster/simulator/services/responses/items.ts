import type { Answer, Step, ToolCall } from '../text/step.ts';

/** What an answer consists of: thoughts, a message, calls of functions. */
export interface Item {
  kind: Step['kind'];
  id: string;
  /** Its tokens. */
  pieces: string[];
  call: ToolCall | undefined;
  /** Whether the answer was cut inside it. */
  isCut: boolean;
}

const PREFIXES: Record<Step['kind'], string> = { reasoning: 'rs', content: 'msg', call: 'fc' };

/** An answer's steps, those that belong together in one item. */
export function itemsOf({ steps, finish_reason }: Answer, id: string): Item[] {
  const items: Item[] = [];
  for (const step of steps) {
    const call = step.kind === 'call' ? step.call : undefined;
    const open = items.at(-1);
    if (open?.kind === step.kind && open.call?.index === call?.index) open.pieces.push(step.text);
    else {
      const name = `${PREFIXES[step.kind]}_${id}_${items.length}`;
      items.push({ kind: step.kind, id: name, pieces: [step.text], call, isCut: false });
    }
  }
  const last = items.at(-1);
  if (last) last.isCut = finish_reason === 'length';
  return items;
}

/** An item as it is before its first token. */
export const openedItem = (item: Item): object => itemObject({ ...item, pieces: [] }, 'in_progress', []);

export const closedItem = (item: Item): object =>
  itemObject(item, item.isCut ? 'incomplete' : 'completed', [partOf(item)]);

function itemObject({ kind, id, pieces, call }: Item, status: string, content: object[]): object {
  if (kind === 'reasoning') return { id, type: 'reasoning', summary: [], content, status };
  if (kind === 'content') return { id, type: 'message', role: 'assistant', status, content };
  return { id, type: 'function_call', call_id: call?.id, name: call?.name, arguments: pieces.join(''), status };
}

/** The one part of a message or of thoughts. */
export function partOf({ kind, pieces }: Pick<Item, 'kind' | 'pieces'>): object {
  const text = pieces.join('');
  if (kind === 'reasoning') return { type: 'reasoning_text', text };
  return { type: 'output_text', text, annotations: [], logprobs: [] };
}
