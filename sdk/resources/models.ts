import type { RequestOptions } from '../client.ts';
import {
  getModel,
  type Input,
  listModels,
  type Model,
  registerModel,
  removeModel,
  updateModel,
} from '../contract/index.ts';
import type { Listing, Query } from '../pagination.ts';
import { Resource } from './resource.ts';

export class Models extends Resource {
  /** The registered model. `conflict` if the name is taken, `invalid_request` if the source cannot be right. `POST /models` */
  register(input: Input<typeof registerModel>, options?: RequestOptions): Promise<Model> {
    return this.client.call(registerModel, input, options);
  }

  /** Registered models, newest first. `GET /models` */
  list(query: Query<typeof listModels> = {}, options?: RequestOptions): Listing<Model> {
    return this.client.list(listModels, query, options);
  }

  /** A model by name or id. `not_found`. `GET /models/{model}` */
  get(model: string, options?: RequestOptions): Promise<Model> {
    return this.client.call(getModel, { model }, options);
  }

  /**
   * The model with its new source, token, or both (null forgets the token); what runs already keeps what it was
   * launched with. `not_found`, `invalid_request` if the source cannot be right. `PUT /models/{model}`
   */
  update(model: string, changes: Omit<Input<typeof updateModel>, 'model'>, options?: RequestOptions): Promise<Model> {
    return this.client.call(updateModel, { ...changes, model }, options);
  }

  /** The model that was removed. `conflict` while something runs it, `not_found`. `DELETE /models/{model}` */
  remove(model: string, options?: RequestOptions): Promise<Model> {
    return this.client.call(removeModel, { model }, options);
  }
}
