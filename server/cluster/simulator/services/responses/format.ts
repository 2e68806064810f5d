import type { Fields } from '../fields.ts';
import type { Call, Format } from '../text/call.ts';
import { itemsOf } from './items.ts';
import { closedResponse, openedResponse } from './response.ts';
import { type ResponseEvent, scriptOf } from './script.ts';

/** The typed events of a response, numbered: created, then each item opened, told and closed, then completed. */
export function openResponsesFormat(call: Call, fields: Fields): Format {
  const [answer] = call.answers;
  if (!answer) throw new RangeError('A response has one answer.');
  const items = itemsOf(answer, call.id);
  const script = scriptOf(items).values();
  let sequence_number = 0;
  const tell = (events: readonly ResponseEvent[]): string =>
    events
      .map(([type, value]) => ({ type, sequence_number: sequence_number++, ...value }))
      .map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
      .join('');
  return {
    head() {
      const response = openedResponse(call, fields);
      return tell([
        ['response.created', { response }],
        ['response.in_progress', { response }],
      ]);
    },
    step: () => tell(script.next().value ?? []),
    end: () => '',
    done() {
      const response = closedResponse(call, fields, { answer, items });
      return tell([[`response.${response.status}`, { response }]]);
    },
    whole: () => closedResponse(call, fields, { answer, items }),
  };
}
