import * as accounts from './accounts.ts';
import * as aliases from './aliases.ts';
import * as audio from './audio.ts';
import * as billing from './billing.ts';
import * as catalog from './catalog.ts';
import * as embeddings from './embeddings.ts';
import type { Endpoint } from './endpoint.ts';
import * as images from './images.ts';
import * as inference from './inference.ts';
import * as instances from './instances.ts';
import * as keys from './keys.ts';
import * as models from './models.ts';
import * as regions from './regions.ts';
import * as rerank from './rerank.ts';
import * as video from './video.ts';
import * as workloads from './workloads.ts';

const nouns = {
  accounts,
  keys,
  models,
  instances,
  aliases,
  workloads,
  catalog,
  inference,
  embeddings,
  rerank,
  images,
  audio,
  video,
  billing,
  regions,
};

const isEndpoint = (value: unknown): value is Endpoint =>
  typeof value === 'object' && value !== null && 'path' in value && 'scope' in value && 'method' in value;

/** Every endpoint there is, in the order of the nouns. */
export const endpoints: readonly Endpoint[] = Object.values(nouns).flatMap((noun) =>
  Object.values(noun).filter(isEndpoint),
);

export * from './accounts.ts';
export * from './aliases.ts';
export * from './audio.ts';
export * from './billing.ts';
export * from './catalog.ts';
export * from './embeddings.ts';
export * from './endpoint.ts';
export * from './errors.ts';
export * from './images.ts';
export * from './inference.ts';
export * from './instances.ts';
export * from './keys.ts';
export * from './models.ts';
export * from './money.ts';
export * from './page.ts';
export * from './regions.ts';
export * from './rerank.ts';
export * from './video.ts';
export * from './workloads.ts';
