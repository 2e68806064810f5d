import type { RequestOptions } from '../client.ts';
import { type Ranking as Ranked, rerank } from '../contract/index.ts';
import { type InferenceRequest, patient } from './inference.ts';
import { Resource } from './resource.ts';

export class Ranking extends Resource {
  /** 1 to 1000 documents sorted by how well they answer the query, best first. Throws like `chat.create`. `POST /v1/rerank` */
  rerank(input: InferenceRequest<typeof rerank>, options?: RequestOptions): Promise<Ranked> {
    return this.client.call(rerank, input, patient(options));
  }
}
