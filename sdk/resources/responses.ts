import type { RequestOptions } from '../client.ts';
import { createResponse, type ModelResponse } from '../contract/index.ts';
import { readEvents } from '../stream.ts';
import { type InferenceRequest, patient } from './inference.ts';
import { Resource } from './resource.ts';

type ResponseRequest = InferenceRequest<typeof createResponse>;

/** One event of a streamed response, like `response.output_text.delta`. */
export interface ResponseEvent {
  type: string;
  [field: string]: unknown;
}

const LAST: readonly string[] = ['response.completed', 'response.incomplete', 'response.failed'];

export class Responses extends Resource {
  /** The answer as the engine wrote it. Throws like `chat.create`. `POST /v1/responses` */
  create(input: ResponseRequest, options?: RequestOptions): Promise<ModelResponse> {
    return this.client.call(createResponse, { ...input, stream: false }, patient(options));
  }

  /** Its events, the last of which says how it ended. Throws like `create`, and `stream_cut` if it breaks off. `POST /v1/responses` */
  async *stream(input: ResponseRequest, options?: RequestOptions): AsyncGenerator<ResponseEvent, void> {
    const response = await this.client.open(createResponse, { ...input, stream: true }, patient(options));
    yield* readEvents<ResponseEvent>(response, { ...options, isLast: ({ type }) => LAST.includes(type) });
  }
}
