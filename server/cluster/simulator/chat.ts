import type { IncomingMessage, ServerResponse } from 'node:http';
import { planAnswer } from './answer.ts';
import { countPrompt, parseAsk } from './ask.ts';
import type { Call } from './call.ts';
import { completion, usageOf } from './chunks.ts';
import type { Engine } from './engine.ts';
import { note } from './metrics.ts';
import { pause, signalOf } from './pause.ts';
import { refuse, send } from './send.ts';
import { streamAnswer } from './stream.ts';
import { strikeBefore, strikeInside } from './strike.ts';

/** Answers a chat completion as vLLM would, or fails as it was told to. */
export async function answerChat(engine: Engine, request: IncomingMessage, response: ServerResponse, body: unknown) {
  const fault = engine.faultOf(request);
  if (fault && (await strikeBefore(fault, response))) return;
  const ask = parseAsk(body);
  const { model } = engine.options;
  if (model !== undefined && ask.model !== model)
    return refuse(response, 404, `The model \`${ask.model}\` does not exist.`);
  const id = String(request.headers['x-request-id'] ?? `sim-${Date.now().toString(36)}-${++requests}`);
  const call = openCall(engine, { id, ask, fault, signal: signalOf(response) });
  const reason = (await run(engine, call, response)) ? (call.answers[0]?.finish_reason ?? 'stop') : 'abort';
  engine.metrics.finished[reason] = (engine.metrics.finished[reason] ?? 0) + 1;
  const outcome = reason === 'abort' ? `aborted request ${id} after ${call.sent} tokens` : `finished request ${id}`;
  engine.print(`INFO ${outcome}: prompt_tokens=${call.promptTokens} completion_tokens=${call.sent} reason=${reason}`);
}

let requests = 0;

interface Opening extends Pick<Call, 'ask' | 'fault' | 'signal'> {
  id: string;
}

function openCall({ options, metrics, tally }: Engine, { id, ask, fault, signal }: Opening): Call {
  const promptTokens = countPrompt(ask);
  metrics.promptTokens += promptTokens;
  const counted = tally.begin(id, promptTokens);
  const call: Call = {
    ask,
    head: { id: `chatcmpl-${id}`, created: Math.floor(Date.now() / 1000), model: ask.model },
    answers: Array.from({ length: ask.choices }, (_, choice) => planAnswer(ask, choice, options)),
    promptTokens,
    fault,
    signal,
    sent: 0,
    noteOf: (tokens) => ({
      sending() {
        call.sent += tokens;
        metrics.generationTokens += tokens;
        metrics.cachedTokens += tokens;
        counted.sending(tokens);
      },
      sent: counted.sent,
    }),
  };
  return call;
}

/** Waits for a turn, then answers. False when the client left, or the answer was cut. */
async function run(engine: Engine, call: Call, response: ServerResponse): Promise<boolean> {
  const { metrics, turns } = engine;
  if (!(await turns.take(call.signal))) return false;
  metrics.cachedTokens += call.promptTokens;
  try {
    return await (call.ask.stream ? streamAnswer(engine, call, response) : giveWhole(engine, call, response));
  } finally {
    turns.give();
    metrics.cachedTokens -= call.promptTokens + call.sent;
  }
}

async function giveWhole({ options, metrics }: Engine, call: Call, response: ServerResponse): Promise<boolean> {
  const { answers, fault, signal, promptTokens } = call;
  const tokens = answers.reduce((sum, answer) => sum + answer.tokens.length, 0);
  const longest = Math.max(...answers.map((answer) => answer.tokens.length));
  if (!(await pause(options.ttftMs + options.itlMs * Math.max(0, longest - 1), signal))) return false;
  if (fault && (await strikeInside(fault, response, signal))) return false;
  const usage = fault?.kind === 'no-usage' ? undefined : usageOf(promptTokens, tokens);
  const body = fault?.kind === 'malformed' ? '{"id":' : completion(call.head, answers, usage);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  if (!(await send(response, body, call.noteOf(tokens)))) return false;
  note(metrics.firstToken, options.ttftMs);
  response.end();
  return true;
}
