import type { IncomingMessage } from 'node:http';
import { changeOptions } from './control.ts';
import type { Engine } from './engine.ts';
import type { Fault } from './faults.ts';
import { LoadFault } from './load.ts';
import type { Loading } from './loading.ts';
import { pause, signalOf } from './pause.ts';
import type { Endpoint } from './personalities/personality.ts';
import { Refusal } from './refusal.ts';
import { sendReply } from './reply.ts';
import { isRecord, type Json } from './rewrite.ts';
import { findService } from './services/index.ts';
import type { SimResponse } from './sim-response.ts';
import { failureOf, strikeBefore } from './strike.ts';
import { QueueFull } from './turns.ts';

export interface Exchange {
  request: IncomingMessage;
  response: SimResponse;
}

/** Answers one request as its personality does: what it tells about itself, a service under its own path, or that there is none. */
export async function dispatch(engine: Engine, loading: Loading, exchange: Exchange): Promise<void> {
  const { request, response } = exchange;
  try {
    nameItself(engine, response);
    await answer(engine, loading, exchange);
  } catch (error) {
    if (response.headersSent) return void response.destroy();
    response.follow(undefined); // it is worded already
    sendReply(response, engine.personality.refuse(wrongOf(engine, error)));
  } finally {
    if (!request.complete) request.resume();
  }
}

function nameItself({ options, personality }: Engine, response: SimResponse): void {
  for (const [name, value] of Object.entries(personality.headers ?? {})) response.setHeader(name, value);
  if (options.replica !== undefined) response.setHeader('x-sim-replica', options.replica);
  if (options.region !== undefined) response.setHeader('x-sim-region', options.region);
}

function wrongOf({ personality }: Engine, error: unknown) {
  if (error instanceof Refusal) return { status: error.status, message: error.message, param: error.param };
  if (error instanceof QueueFull) return personality.overload;
  return { status: 500, message: error instanceof Error ? error.message : String(error) };
}

async function answer(engine: Engine, loading: Loading, exchange: Exchange): Promise<void> {
  const { request, response } = exchange;
  const { pathname } = new URL(request.url ?? '/', 'http://simulator');
  const method = request.method ?? 'GET';
  const key = `${method} ${pathname}`;
  const { personality } = engine;
  if (key === 'POST /sim/options') return sendReply(response, changeOptions(engine, request, await readBody(request)));
  if (personality.health.paths.includes(key)) return giveHealth(engine, loading, response);
  if (!loading.isLoaded && personality.whileLoading === 'refuse') return sendReply(response, personality.loading);
  const reply = personality.replies[key];
  if (reply) return sendReply(response, reply(engine.state(loading.isLoaded)));
  const found = findEndpoint(engine, method, pathname);
  if (!found) return sendReply(response, personality.unknown(method, pathname));
  await untilLoaded(engine, loading);
  await serve(engine, found, exchange);
}

/** Lets a service answer, or a fault in its place. */
async function serve(
  engine: Engine,
  { service, params, endpoint: { ask, answer: dress } }: Found,
  { request, response }: Exchange,
): Promise<void> {
  const { personality, options } = engine;
  const faults = engine.faultsOf(request);
  if (await strikeBefore(faults, response, personality)) return;
  const body = await readBody(request);
  if (dress || faults.length > 0)
    response.follow({ faults, dress, failure: failureOf(personality), everyMs: options.itlMs });
  const asked = ask ? translate(body, ask) : body;
  await service(engine, { request, response, body: asked, params, signal: signalOf(response) });
}

const suffers = (faults: readonly Fault[], kind: Fault['kind']) => faults.find((fault) => fault.kind === kind);

async function giveHealth(engine: Engine, { isLoaded }: Loading, response: SimResponse): Promise<void> {
  const { personality, options } = engine;
  const { health, whileLoading } = personality;
  const slow = suffers(options.fail, 'slow-health');
  if (slow && !(await pause(Number(slow.detail) * 1_000, signalOf(response)))) return;
  if (suffers(options.fail, 'unhealthy')) return sendReply(response, health.ill);
  if (!isLoaded && whileLoading === 'refuse' && health.well(engine.state(false)).status < 300)
    return sendReply(response, health.ill);
  return sendReply(response, health.well(engine.state(isLoaded)));
}

type Found = NonNullable<ReturnType<typeof findService>> & { endpoint: Endpoint };

/** The service of a path, as it is or as the engine has it. */
function findEndpoint({ personality }: Engine, method: string, pathname: string): Found | undefined {
  if (!personality.endpoints) {
    const found = findService(method, pathname);
    return found && { ...found, endpoint: PLAIN };
  }
  const endpoint = personality.endpoints[`${method} ${pathname}`];
  if (!endpoint) return undefined;
  const [verb = '', path = ''] = endpoint.service.split(' ');
  const found = findService(verb, path);
  return found && { ...found, endpoint };
}

const PLAIN: Endpoint = { service: '' };

async function untilLoaded({ personality }: Engine, loading: Loading): Promise<void> {
  if (loading.isLoaded || personality.whileLoading === 'serve') return;
  try {
    await loading.start();
  } catch (error) {
    if (error instanceof LoadFault) throw new Refusal(500, 'The model could not be loaded.');
    throw error;
  }
}

function translate(body: Buffer, ask: (fields: Json) => Json): Buffer {
  let fields: unknown;
  try {
    fields = JSON.parse(body.toString('utf8'));
  } catch {
    fields = undefined;
  }
  if (!isRecord(fields)) throw new Refusal(400, 'The body must be a JSON object.');
  return Buffer.from(JSON.stringify(ask(fields)));
}

const BODY_MAX_BYTES = 32 * 1024 * 1024;

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > BODY_MAX_BYTES) throw new Refusal(413, `The body is larger than ${BODY_MAX_BYTES} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
