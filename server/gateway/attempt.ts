import { usageOf } from '../workloads/engines/index.ts';
import { AudioAnswer } from './answers/audio-answer.ts';
import type { Answer, Delivery } from './answers/delivery.ts';
import { ErrorAnswer } from './answers/error-answer.ts';
import { StreamAnswer } from './answers/stream-answer.ts';
import { WholeAnswer } from './answers/whole-answer.ts';
import type { UsageWish } from './bodies/body.ts';
import type { Timed } from './clocks.ts';
import type { Call, Core } from './core.ts';
import { type Fault, refusedBy, unreachable, unreadable } from './fault.ts';
import { headersToReplica, isEncoded, isEventStream, isJson, isPage } from './headers.ts';
import { noteFailure, noteGone, noteLatency, noteSent, noteSuccess } from './health.ts';
import type { Replica, Route } from './tables.ts';
import type { AnswerHeaders, AnswerSink, UpstreamCall, UpstreamFailure } from './upstream.ts';

const STALE_WITHIN_MS = 250;
const LINGER_MS = 1_000;

/** One try at one replica, counted as in flight there until its last byte. */
export class Attempt implements AnswerSink, Timed {
  readonly route: Route;
  readonly startedAt = performance.now();
  slot = -1;
  answer: Answer | undefined;
  readonly #core: Core;
  readonly #delivery: Delivery;
  readonly #upstream: UpstreamCall;
  #isOver = false;
  #hasHead = false;
  #wasReset = false;
  #lingersSince = 0;

  constructor(core: Core, delivery: Delivery, route: Route) {
    this.#core = core;
    this.#delivery = delivery;
    this.route = route;
    const { call } = delivery;
    const request = {
      path: `${route.replica.basePath}${call.route.replicaPath}`,
      headers: headersToReplica(call.request, route.replica, call.id),
      body: call.body.splice(route.servedName, wishFor(call, route)),
    };
    this.#upstream = core.upstream.send(route.replica.origin, request, this);
    noteSent(route.health); // last, as what throws above never was in flight
  }

  get replica(): Replica {
    return this.route.replica;
  }

  /** Whether it broke as an idle connection does that the other side had closed: the replica never saw the request. */
  get looksStale(): boolean {
    const { servedAt } = this.route.health;
    return this.#wasReset && !this.#hasHead && servedAt > 0 && performance.now() - this.startedAt < STALE_WITHIN_MS;
  }

  pause(): void {
    this.#upstream.pause();
  }

  resume(): void {
    this.#upstream.resume();
  }

  noteContent(): void {
    noteLatency(this.route.health, performance.now() - this.startedAt, this.#core.clock());
  }

  /** Ends it well. What the replica still sends is read for a moment, so that the connection can be used again. */
  leave(): void {
    if (this.#isOver) return;
    this.#lingersSince = performance.now();
    this.#core.clocks.add(this);
  }

  /** Breaks it off, at once also on the replica's side. */
  abort(): void {
    this.#upstream.abort();
    this.#release();
  }

  tick(now: number): void {
    if (now - this.#lingersSince >= LINGER_MS) this.abort();
  }

  fail(fault: Fault): void {
    this.abort();
    if (fault.isReplicas) noteFailure(this.route.health, this.#core.clock());
  }

  start(status: number, headers: AnswerHeaders) {
    this.#hasHead = true;
    if (status === 401 || status === 403 || status < 200 || status >= 500 || (status >= 300 && status < 400))
      return this.#delivery.fail(refusedBy(status));
    if (status >= 400) this.answer = new ErrorAnswer(this.#delivery, status, this.replica.region);
    else if (isEventStream(headers)) this.#openEvents(headers);
    else this.#openWhole(headers);
  }

  #openEvents(headers: AnswerHeaders) {
    const { service } = this.#delivery.call.route;
    if (!service.dialect) return this.#delivery.fail(unreadable('answered with a stream of events'));
    if (isEncoded(headers)) return this.#delivery.fail(unreadable('compressed a stream of events'));
    const isContinuous = service.hasStreamOptions && tellsContinuously(this.route);
    this.answer = new StreamAnswer(this.#delivery, service.dialect, { isContinuous });
  }

  #openWhole(headers: AnswerHeaders) {
    const { body, route } = this.#delivery.call;
    const { service } = route;
    if (service.answer !== 'json' && isPage(headers))
      return this.#delivery.fail(unreadable('answered with a page of HTML'));
    const origin = { headers, region: this.replica.region };
    this.answer =
      service.answer === 'audio' && !isJson(headers)
        ? new AudioAnswer(this.#delivery, service.tallyWhole(body), origin)
        : new WholeAnswer(this.#delivery, service.tallyWhole(body), origin);
  }

  data(chunk: Buffer): void {
    if (this.#lingersSince === 0) this.answer?.data(chunk);
  }

  end(): void {
    this.#release();
    if (this.#lingersSince === 0) this.answer?.end();
    else noteSuccess(this.route.health, this.#core.clock());
  }

  failed(failure: UpstreamFailure): void {
    this.#release();
    this.#wasReset = failure.type === 'reset';
    if (this.#lingersSince === 0) this.#delivery.fail(unreachable(failure));
  }

  /** The answer is complete: the replica has proved itself. */
  noteSuccess(): void {
    noteSuccess(this.route.health, this.#core.clock());
  }

  #release(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    noteGone(this.route.health);
    this.#core.clocks.delete(this);
  }
}

const tellsContinuously = ({ engine }: Route) => usageOf(engine) === 'continuous';

/** An engine that tells no usage may not know the options that ask for it. */
function wishFor({ wantsEvents, route: { service } }: Call, { engine }: Route): UsageWish {
  if (!wantsEvents || !service.hasStreamOptions) return 'as_asked';
  const usage = usageOf(engine);
  return usage === 'none' ? 'as_asked' : usage;
}
