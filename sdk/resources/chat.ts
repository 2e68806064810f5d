import type { RequestOptions } from '../client.ts';
import { type ChatChunk, type ChatCompletion, type ChatMessage, createChatCompletion } from '../contract/index.ts';
import { readEvents } from '../stream.ts';
import { patient } from './inference.ts';
import { Resource } from './resource.ts';

/** Fields that are not named here go to the engine as they are. */
export interface ChatRequest {
  /** A platform model, or `name:id` of an own instance. */
  model: string;
  messages: ChatMessage[];
  max_tokens?: number;
  [field: string]: unknown;
}

export class Chat extends Resource {
  /**
   * The whole completion, as the engine wrote it. `model_not_found`, `model_not_ready` (with `retryAfter` in seconds),
   * `insufficient_balance`, `model_not_priced`. `POST /v1/chat/completions`
   */
  create(input: ChatRequest, options?: RequestOptions): Promise<ChatCompletion> {
    return this.client.call(createChatCompletion, { ...input, stream: false }, patient(options));
  }

  /** The chunks of a completion. Throws like `create`, and `stream_cut` or what the server says if it breaks off. `POST /v1/chat/completions` */
  async *stream(input: ChatRequest, options?: RequestOptions): AsyncGenerator<ChatChunk, void> {
    const response = await this.client.open(createChatCompletion, { ...input, stream: true }, patient(options));
    yield* readEvents(response, options);
  }
}
