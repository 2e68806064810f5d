import type { RequestOptions } from '../client.ts';
import { type Completion, createCompletion } from '../contract/index.ts';
import { readEvents } from '../stream.ts';
import { type InferenceRequest, patient } from './inference.ts';
import { Resource } from './resource.ts';

type CompletionRequest = InferenceRequest<typeof createCompletion>;

export class Completions extends Resource {
  /** A text continued, as the engine wrote it. Throws like `chat.create`. `POST /v1/completions` */
  create(input: CompletionRequest, options?: RequestOptions): Promise<Completion> {
    return this.client.call(createCompletion, { ...input, stream: false }, patient(options));
  }

  /** The same in pieces. Throws like `create`, and `stream_cut` if it breaks off. `POST /v1/completions` */
  async *stream(input: CompletionRequest, options?: RequestOptions): AsyncGenerator<Completion, void> {
    const response = await this.client.open(createCompletion, { ...input, stream: true }, patient(options));
    yield* readEvents(response, options);
  }
}
