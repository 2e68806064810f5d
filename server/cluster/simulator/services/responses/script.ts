import { closedItem, type Item, openedItem, partOf } from './items.ts';

/** The type of an event, and what it says. */
export type ResponseEvent = readonly [type: string, value: object];

/** All events of the items, token by token: each item is opened with its first and closed with its last. */
export const scriptOf = (items: readonly Item[]): ResponseEvent[][] =>
  items.flatMap((item, output_index) => {
    const place = { item_id: item.id, output_index };
    return item.pieces.map((piece, at): ResponseEvent[] => [
      ...(at === 0 ? openings(item, place) : []),
      [`response.${EVENTS[item.kind]}.delta`, { ...place, ...within(item), delta: piece }],
      ...(at === item.pieces.length - 1 ? closings(item, place) : []),
    ]);
  });

const EVENTS = { reasoning: 'reasoning_text', content: 'output_text', call: 'function_call_arguments' } as const;

interface Place {
  item_id: string;
  output_index: number;
}

/** Only messages and thoughts have parts. */
function within({ kind }: Item): object {
  if (kind === 'call') return {};
  return kind === 'content' ? { content_index: 0, logprobs: [] } : { content_index: 0 };
}

function openings(item: Item, place: Place): ResponseEvent[] {
  const { output_index } = place;
  const opened: ResponseEvent = ['response.output_item.added', { output_index, item: openedItem(item) }];
  if (item.kind === 'call') return [opened];
  const part = partOf({ kind: item.kind, pieces: [] });
  return [opened, ['response.content_part.added', { ...place, content_index: 0, part }]];
}

function closings(item: Item, place: Place): ResponseEvent[] {
  const text = item.pieces.join('');
  const { output_index } = place;
  const closed: ResponseEvent = ['response.output_item.done', { output_index, item: closedItem(item) }];
  if (item.kind === 'call') {
    const call = { name: item.call?.name, arguments: text };
    return [['response.function_call_arguments.done', { ...place, ...call }], closed];
  }
  return [
    [`response.${EVENTS[item.kind]}.done`, { ...place, ...within(item), text }],
    ['response.content_part.done', { ...place, content_index: 0, part: partOf(item) }],
    closed,
  ];
}
