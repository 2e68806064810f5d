import type { RequestOptions } from '../client.ts';
import { createEmbedding, type Embeddings as Vectors } from '../contract/index.ts';
import { type InferenceRequest, patient } from './inference.ts';
import { Resource } from './resource.ts';

export class Embeddings extends Resource {
  /** One vector for each text, in their order. Throws like `chat.create`. `POST /v1/embeddings` */
  create(input: InferenceRequest<typeof createEmbedding>, options?: RequestOptions): Promise<Vectors> {
    return this.client.call(createEmbedding, input, patient(options));
  }
}
