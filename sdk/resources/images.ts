import type { RequestOptions } from '../client.ts';
import { createImage, editImage, type Images as Pictures } from '../contract/index.ts';
import { type InferenceRequest, patient } from './inference.ts';
import { Resource } from './resource.ts';

export class Images extends Resource {
  /** Images made from a text: PNGs in base64, or URLs that last a day. Throws like `chat.create`. `POST /v1/images/generations` */
  generate(input: InferenceRequest<typeof createImage>, options?: RequestOptions): Promise<Pictures> {
    return this.client.call(createImage, input, patient(options));
  }

  /** An image changed by a text; `image` and `mask` are files. Throws like `generate`, and `request_too_large`. `POST /v1/images/edits` */
  edit(input: InferenceRequest<typeof editImage>, options?: RequestOptions): Promise<Pictures> {
    return this.client.call(editImage, input, patient(options));
  }
}
