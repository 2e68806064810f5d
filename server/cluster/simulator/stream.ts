import type { ServerResponse } from 'node:http';
import type { Call } from './call.ts';
import { chunk, DONE, event, type Usage, usageChunk, usageOf } from './chunks.ts';
import type { Engine } from './engine.ts';
import { note } from './metrics.ts';
import { pause } from './pause.ts';
import { errorBody, send } from './send.ts';
import { strikeInside } from './strike.ts';

const HEAD = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };

/** Sends an answer token by token: role first, then content, finish, usage and `[DONE]`. False when it did not come to its end. */
export async function streamAnswer(engine: Engine, call: Call, response: ServerResponse): Promise<boolean> {
  const { ask, head, answers, promptTokens, fault } = call;
  const usage = (index: number): Usage | undefined =>
    ask.continuousUsage && fault?.kind !== 'no-usage' ? usageOf(promptTokens, given[index] ?? 0) : undefined;
  const given = answers.map(() => 0);
  const oneToken = call.noteOf(1);

  for await (const { index, content } of generate(engine, call)) {
    if (!response.headersSent) {
      response.writeHead(200, HEAD);
      const roles = answers.map((_, index) =>
        chunk(head, { index, delta: { role: 'assistant', content: '' }, usage: usage(index) }),
      );
      if (!(await send(response, roles.join('')))) return false;
    }
    if (fault && call.sent === fault.after) {
      if (fault.kind === 'malformed') await send(response, 'data: {"id":\n\n');
      if (fault.kind === 'error-event') {
        response.end(event(errorBody(500, 'The engine failed.')) + DONE);
        return false;
      }
      if (await strikeInside(fault, response, call.signal)) return false;
    }
    given[index] = (given[index] ?? 0) + 1;
    const text = chunk(head, { index, delta: { content }, usage: usage(index) });
    if (!(await send(response, text, oneToken))) return false;
  }
  if (call.signal.aborted) return false;

  const ends = answers.map(({ finish_reason }, index) =>
    chunk(head, { index, delta: {}, finish_reason, usage: usage(index) }),
  );
  const total =
    ask.includeUsage && fault?.kind !== 'no-usage' ? usageChunk(head, usageOf(promptTokens, call.sent)) : '';
  response.end(ends.join('') + total + (fault?.kind === 'no-done' ? '' : DONE));
  return true;
}

/** The tokens of all choices in turn, each at its time. Ends when the client is gone. */
async function* generate({ options, metrics }: Engine, { answers, signal }: Call) {
  const start = performance.now();
  let last = start;
  const longest = Math.max(...answers.map(({ tokens }) => tokens.length));
  for (let at = 0; at < longest; at++) {
    if (!(await pause(start + options.ttftMs + at * options.itlMs - performance.now(), signal))) return;
    const now = performance.now();
    note(at === 0 ? metrics.firstToken : metrics.betweenTokens, now - last);
    last = now;
    for (const [index, { tokens }] of answers.entries()) {
      const content = tokens[at];
      if (content !== undefined) yield { index, content };
    }
  }
}
