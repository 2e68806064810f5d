import type { ServerResponse } from 'node:http';
import { type Engine, servedName } from '../engine.ts';
import type { Pace } from '../pace.ts';
import { Refusal } from '../refusal.ts';
import type { Exchange, Service } from './service.ts';

/** What a request comes to, known before it waits for its turn. */
export interface Job {
  /** The model that was asked for. */
  model: string;
  promptTokens: number;
  /** Answers; gives how that ended. */
  answer(run: Run): Promise<Ending>;
}

export type Ending = 'stop' | 'length' | 'tool_calls' | 'abort';

/** A request that has its turn. */
export interface Run {
  id: string;
  response: ServerResponse;
  signal: AbortSignal;
  pace: Pace;
  /** Tokens that were written to the socket. */
  sent: number;
  /** Counts a write of so many tokens. */
  noteOf(tokens: number): { sending(): void; sent(): void };
}

/** A service that waits for its turn, counts, and leaves a line in the log. */
export function serve(prepare: (engine: Engine, exchange: Exchange) => Job | Promise<Job>): Service {
  return async (engine, exchange) => {
    const job = await prepare(engine, exchange);
    checkModel(engine, job.model);
    const run = openRun(engine, exchange, job.promptTokens);
    record(engine, run, job, await inTurn(engine, run, job));
  };
}

/** Refuses any model but the one it serves. */
export function checkModel({ options, personality }: Engine, model: string): void {
  if (personality.checksModel && options.model !== undefined && model !== servedName(options))
    throw new Refusal(404, `The model \`${model}\` does not exist.`, 'model');
}

let requests = 0;

/** The caller's id of a request, else one of our own. */
const idOf = ({ request }: Exchange): string =>
  String(request.headers['x-request-id'] ?? `sim-${Date.now().toString(36)}-${++requests}`);

function openRun(engine: Engine, exchange: Exchange, promptTokens: number): Run {
  const { metrics, tally } = engine;
  const id = idOf(exchange);
  metrics.promptTokens += promptTokens;
  const counted = tally.begin(id, promptTokens);
  const run: Run = {
    id,
    response: exchange.response,
    signal: exchange.signal,
    pace: engine.paceOf(exchange.response),
    sent: 0,
    noteOf: (tokens) => ({
      sending() {
        run.sent += tokens;
        metrics.generationTokens += tokens;
        metrics.cachedTokens += tokens;
        counted.sending(tokens);
      },
      sent: counted.sent,
    }),
  };
  return run;
}

async function inTurn({ turns, metrics }: Engine, run: Run, { promptTokens, answer }: Job): Promise<Ending> {
  if (!(await turns.take(run.signal))) return 'abort';
  metrics.cachedTokens += promptTokens;
  try {
    return await answer(run);
  } finally {
    turns.give();
    metrics.cachedTokens -= promptTokens + run.sent;
  }
}

function record({ metrics, print }: Engine, { id, sent }: Run, { promptTokens }: Job, ending: Ending): void {
  const reason = ending === 'tool_calls' ? 'stop' : ending; // as vLLM counts them
  metrics.finished[reason] = (metrics.finished[reason] ?? 0) + 1;
  const outcome = ending === 'abort' ? `aborted request ${id} after ${sent} tokens` : `finished request ${id}`;
  print(`INFO ${outcome}: prompt_tokens=${promptTokens} completion_tokens=${sent} reason=${ending}`);
}
