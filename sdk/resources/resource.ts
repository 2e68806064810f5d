import type { Client } from '../client.ts';

/** A noun of the API: its methods are single calls of endpoints. */
export abstract class Resource {
  protected readonly client: Client;

  constructor(client: Client) {
    this.client = client;
  }
}
