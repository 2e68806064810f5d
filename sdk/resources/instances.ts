import type { RequestOptions } from '../client.ts';
import {
  EcoError,
  getInstance,
  type Input,
  launchInstance,
  listInstances,
  type Quote,
  type Workload,
} from '../contract/index.ts';
import type { Listing, Query } from '../pagination.ts';
import { type Ref, WorkloadVerbs } from './workload-verbs.ts';

export type Launch = Omit<Input<typeof launchInstance>, 'dry_run' | 'draft'>;
/** A launch to be quoted; with `draft` of a model that is not registered yet, or differently. */
export type Quotable = Omit<Input<typeof launchInstance>, 'dry_run'>;

export class Instances extends WorkloadVerbs {
  /** The new instance, `pending`, with 24 hours held. `insufficient_balance`, `no_capacity`, `not_found`: then nothing was made. `POST /inference-instances` */
  async launch(input: Launch, options?: RequestOptions): Promise<Workload> {
    return expectObject(await this.client.call(launchInstance, { ...input, dry_run: false }, options), 'workload');
  }

  /** What a launch would cost and where it would run, in dollars; makes nothing. `POST /inference-instances` with `dry_run` */
  async quote(input: Quotable, options?: RequestOptions): Promise<Quote> {
    return expectObject(await this.client.call(launchInstance, { ...input, dry_run: true }, options), 'quote');
  }

  /** Inference instances, newest first. `GET /inference-instances` */
  list(query: Query<typeof listInstances> = {}, options?: RequestOptions): Listing<Workload> {
    return this.client.list(listInstances, query, options);
  }

  /** An inference instance. `not_found`. `GET /inference-instances/{workload}` */
  get(ref: Ref, options?: RequestOptions): Promise<Workload> {
    return this.client.call(getInstance, { workload: ref }, options);
  }
}

type Answer = Workload | Quote;

function expectObject<K extends Answer['object']>(answer: Answer, object: K): Extract<Answer, { object: K }> {
  if (answer.object === object) return answer as Extract<Answer, { object: K }>;
  throw new EcoError('invalid_answer', `The server answered with a ${answer.object} where a ${object} was asked for.`);
}
