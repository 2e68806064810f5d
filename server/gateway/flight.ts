import { EcoError } from '../../sdk/contract/index.ts';
import type { UsageRecord } from '../billing/settle.ts';
import type { Delivery } from './answers/delivery.ts';
import { Attempt } from './attempt.ts';
import { pickReplica } from './balance.ts';
import type { Call, Core, Ongoing } from './core.ts';
import { type MeteredCounts, NOTHING } from './counting/usage.ts';
import { type Fault, firstTokenTimeout, idleTimeout, totalTimeout } from './fault.ts';
import { streamHeaders } from './headers.ts';
import type { Health } from './health.ts';
import type { Progress } from './journal/format.ts';
import { type CallStatus, recordOf } from './record.ts';
import { refuse } from './refuse.ts';
import type { Reply, ReplyListener } from './reply.ts';
import { notReady } from './resolve.ts';
import type { Route } from './tables.ts';

const ATTEMPTS_MAX = 3;
/** A prompt of 100,000 tokens may take twenty seconds more to its first one. */
const FIRST_TOKEN_MS_PER_KB = 50;
const WAITING = Buffer.from(': waiting for a replica\n\n');

/**
 * One admitted request from the first attempt to the last byte: replica after replica until content has gone to the
 * client, then that one to its end. Ends exactly once, with one record.
 */
export class Flight implements Delivery, Ongoing, ReplyListener {
  readonly call: Call;
  slot = -1;
  isOpen = false;
  hasHead = false;
  readonly #core: Core;
  readonly #reply: Reply;
  readonly #startedAt = performance.now();
  readonly #tried: Health[] = [];
  #attempt: Attempt | undefined;
  #attempts = 0;
  #hasResent = false;
  #hasContent = false;
  #isOver = false;
  #firstTokenMs: number | null = null;
  /** How much the last line of progress told. */
  #noted = 0;
  #sentAt = this.#startedAt;
  #dataAt = 0;
  #blockedSince = 0;

  constructor(core: Core, call: Call, reply: Reply) {
    this.#core = core;
    this.call = call;
    this.#reply = reply;
  }

  start(): void {
    const { flights, tab, retries } = this.#core;
    flights.add(this);
    tab.add(debtorOf(this.call), this.call.estimate_nanos);
    retries.noteRequest();
    this.#reply.listener = this;
    this.#tryNext();
  }

  /** Ends what still runs when the server goes. */
  shutDown(): void {
    if (this.#isOver) return;
    const error = new EcoError('unavailable', 'The server is shutting down. Try again.', { retryAfter: 1 });
    this.#attempt?.abort();
    this.#refuse('gateway_shutdown', error);
  }

  clientLeft(): void {
    this.#stop('client_closed');
  }

  drained(): void {
    this.#blockedSince = 0;
    this.#dataAt = this.#core.clocks.now;
    this.#attempt?.resume();
  }

  /** A line for the journal, if there is something new to say. */
  progress(): Omit<Progress, 'type'> | undefined {
    if (!this.#hasContent || this.#attempt?.answer?.form === 'whole') return undefined;
    const counts = this.#counts();
    if (sizeOf(counts) === this.#noted) return undefined;
    this.#noted = sizeOf(counts);
    return { id: this.call.id, counts, duration_ms: this.#elapsedMs() };
  }

  tick(now: number) {
    const { settings } = this.#core;
    if (now - this.#startedAt >= settings.total_timeout_ms) return this.fail(totalTimeout(settings.total_timeout_ms));
    if (this.#blockedSince > 0) {
      if (now - this.#blockedSince >= settings.stalled_client_timeout_ms) this.#stop('client_stalled');
    } else if (this.#hasContent) this.#tickIdle(now);
    else if (this.call.wantsEvents) this.#tickFirst(now);
  }

  open(status: number, headers: string[]): void {
    this.hasHead = true;
    this.isOpen = true;
    this.#reply.head(status, headers);
  }

  openStream(): void {
    if (this.isOpen) return;
    const region = this.#attempt?.replica.region;
    if (!this.hasHead) this.open(200, streamHeaders(this.call.id, region));
    else this.write(Buffer.from(`: x-ecolink-region ${region}\n\n`)); // the head left while this waited
    this.isOpen = true;
  }

  noteContent(): void {
    this.#dataAt = this.#core.clocks.now;
    if (this.#hasContent) return;
    this.#hasContent = true;
    this.#firstTokenMs = this.#elapsedMs();
    if (this.#attempt?.answer?.form === 'whole') return;
    this.#attempt?.noteContent();
    const counts = this.#counts();
    this.#noted = sizeOf(counts);
    this.#core.journal.begin({ record: this.#record('failed', counts), prices: this.call.target.prices });
  }

  write(bytes: Buffer): void {
    this.#sentAt = this.#core.clocks.now;
    if (this.#reply.write(bytes)) return;
    this.#blockedSince ||= performance.now();
    this.#attempt?.pause();
  }

  complete(counts: MeteredCounts, last: Buffer | undefined): void {
    this.#attempt?.noteSuccess();
    this.#attempt?.leave();
    this.#end(this.#record('completed', counts), () => this.#reply.end(last));
  }

  refuse(status: number, headers: string[], body: Buffer): void {
    this.#attempt?.noteSuccess();
    this.#end(this.#record('failed', NOTHING), () => {
      if (this.hasHead) this.#reply.end(this.#inBand(body.toString('utf8')));
      else {
        this.#reply.head(status, headers);
        this.#reply.end(body);
      }
    });
  }

  fail(fault: Fault) {
    if (this.#isOver) return;
    const attempt = this.#attempt;
    if (attempt && !this.isOpen && fault.isRetryable && !this.#hasResent && attempt.looksStale) {
      this.#hasResent = true;
      attempt.abort();
      return this.#tryNext(attempt.route);
    }
    attempt?.fail(fault);
    const mayRetry = fault.isRetryable && !this.isOpen && this.#attempts < ATTEMPTS_MAX;
    if (mayRetry && this.#core.retries.take()) return this.#tryNext();
    const status = this.#hasContent ? 'upstream_cut' : 'failed';
    if (fault.isTold) this.#end(this.#record(status, this.#counts()), () => this.#reply.end());
    else this.#refuse(status, fault.error);
  }

  /** Events were asked for, and nothing else has come. */
  get #isEvents(): boolean {
    const form = this.#attempt?.answer?.form;
    return this.call.wantsEvents && (form === undefined || form === 'events');
  }

  /** Sends it to the next replica, or once more to one. Nobody above catches: what is thrown here would leave it in flight for ever. */
  #tryNext(again?: Route) {
    try {
      const route = again ?? this.#pick();
      if (!route) return this.#refuse('failed', notReady(this.call.target));
      this.#attempts++;
      this.#attempt = new Attempt(this.#core, this, route);
    } catch (error) {
      this.#core.log.error({ err: error, request_id: this.call.id }, 'a request could not be sent');
      this.#refuse('failed', new EcoError('internal', 'The request could not be sent on. It is logged under its id.'));
    }
  }

  #pick(): Route | undefined {
    const { tables, clock } = this.#core;
    const routes = tables.routesOf(this.call.target.source);
    const route = pickReplica(routes, { tried: this.#tried, now: clock(), random: Math.random });
    if (route) this.#tried.push(route.health);
    return route;
  }

  /** Of a whole answer each chunk may take its time: only its end is of use. */
  #tickIdle(now: number) {
    const { idle_timeout_ms } = this.#core.settings;
    if (this.#attempt?.answer?.form === 'whole') return;
    if (now - this.#dataAt >= idle_timeout_ms) this.fail(idleTimeout(idle_timeout_ms));
  }

  #tickFirst(now: number) {
    const firstTokenMs = this.#firstTokenTimeoutMs();
    if (this.#attempt && now - this.#attempt.startedAt >= firstTokenMs)
      return this.fail(firstTokenTimeout(firstTokenMs));
    if (this.#isEvents && now - this.#sentAt >= this.#core.settings.queue_comment_ms) this.#comment();
  }

  #firstTokenTimeoutMs(): number {
    const perPrompt = Math.floor(this.call.body.bytes.length / 1024) * FIRST_TOKEN_MS_PER_KB;
    return this.#core.settings.first_token_timeout_ms + perPrompt;
  }

  /** Keeps the connection while nothing has come: commits the head, so that errors are in-band from here on. */
  #comment(): void {
    if (!this.hasHead) this.#reply.head(200, streamHeaders(this.call.id, undefined));
    this.hasHead = true;
    this.write(WAITING);
  }

  /** The client is gone, or as good as: no word to it, no other replica. */
  #stop(status: 'client_closed' | 'client_stalled'): void {
    if (this.#isOver) return;
    this.#attempt?.abort();
    this.#end(this.#record(status, this.#counts()), () => this.#reply.destroy());
  }

  #refuse(status: CallStatus, error: EcoError): void {
    this.#end(this.#record(status, this.#counts()), () => {
      if (!this.hasHead) refuse(this.#reply, error, this.call.id);
      else if (this.#isEvents) this.#reply.end(this.#inBand(JSON.stringify(error.toBody(this.call.id))));
      else this.#reply.destroy();
    });
  }

  /** An error for a client that has its head already. */
  #inBand(body: string): Buffer | undefined {
    return this.call.route.service.dialect?.error(body);
  }

  /** Before anything was delivered a call costs nothing. */
  #counts(): MeteredCounts {
    return this.#hasContent ? (this.#attempt?.answer?.counts() ?? NOTHING) : NOTHING;
  }

  #end(record: UsageRecord, answer: () => void): void {
    this.#isOver = true;
    const { flights, tab, journal, bytes } = this.#core;
    flights.delete(this);
    this.#reply.listener = undefined;
    tab.add(debtorOf(this.call), record.cost_nanos);
    tab.remove(debtorOf(this.call), this.call.estimate_nanos);
    bytes.give(this.call.body.bytes.length);
    journal.end(record, answer);
  }

  #elapsedMs(): number {
    return Math.max(0, this.#core.clock() - this.call.startedAt);
  }

  #record(status: CallStatus, counts: MeteredCounts): UsageRecord {
    return recordOf(this.call, {
      status,
      counts,
      replica: this.#attempt?.replica,
      attempts: this.#attempts,
      upstreamId: this.#attempt?.answer?.upstreamId ?? null,
      firstTokenMs: this.#firstTokenMs,
      durationMs: this.#elapsedMs(),
    });
  }
}

const debtorOf = ({ key }: Call) => ({ account_id: key.account_id, key_id: key.id });

/** Grows with everything that comes little by little. */
const sizeOf = ({ output_tokens, audio_ms = 0, images = 0 }: MeteredCounts) => output_tokens + audio_ms + images;
