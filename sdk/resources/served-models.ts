import type { RequestOptions } from '../client.ts';
import { getServedModel, listServedModels, type ServedModel } from '../contract/index.ts';
import type { Listing } from '../pagination.ts';
import { Resource } from './resource.ts';

export class ServedModels extends Resource {
  /** What this key can call: the catalogue and the account's own running instances; `created` in seconds, as OpenAI has it. `GET /v1/models` */
  list(options?: RequestOptions): Listing<ServedModel> {
    return this.client.list(listServedModels, {}, options);
  }

  /** One of them. `model_not_found`. `GET /v1/models/{model}` */
  get(model: string, options?: RequestOptions): Promise<ServedModel> {
    return this.client.call(getServedModel, { model }, options);
  }
}
