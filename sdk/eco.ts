import { Client, type EcoOptions } from './client.ts';
import { type ClientOptions, type OpenAI, openOpenAI } from './openai.ts';
import { AccountResource } from './resources/account.ts';
import { Admin } from './resources/admin.ts';
import { Billing } from './resources/billing.ts';
import { Catalog } from './resources/catalog.ts';
import { Chat } from './resources/chat.ts';
import { Instances } from './resources/instances.ts';
import { Keys } from './resources/keys.ts';
import { Models } from './resources/models.ts';
import { Regions } from './resources/regions.ts';
import { ServedModels } from './resources/served-models.ts';
import { Workloads } from './resources/workloads.ts';

/** Everything a key may do. Methods reject with `EcoError`; they retry what may pass, and a POST is done once however often it is sent. */
export class Eco {
  readonly account: AccountResource;
  readonly keys: Keys;
  /** Registered models of the account. */
  readonly models: Models;
  /** Inference instances. */
  readonly instances: Instances;
  /** Workloads of every kind. */
  readonly workloads: Workloads;
  /** Platform models, with prices. */
  readonly catalog: Catalog;
  readonly chat: Chat;
  /** What this key can call right now. */
  readonly servedModels: ServedModels;
  readonly billing: Billing;
  readonly regions: Regions;
  /** For the operator's admin key. */
  readonly admin: Admin;
  readonly #client: Client;

  constructor(options: EcoOptions = {}) {
    const client = new Client(options);
    this.#client = client;
    this.account = new AccountResource(client);
    this.keys = new Keys(client);
    this.models = new Models(client);
    this.instances = new Instances(client);
    this.workloads = new Workloads(client);
    this.catalog = new Catalog(client);
    this.chat = new Chat(client);
    this.servedModels = new ServedModels(client);
    this.billing = new Billing(client);
    this.regions = new Regions(client);
    this.admin = new Admin(client);
  }

  /** Where the server is, without `/v1`. */
  get baseUrl(): string {
    return this.#client.baseUrl;
  }

  /** A ready client of the `openai` package (an optional peer: install it yourself). Rejects with `missing_package` without it. */
  openai(options?: ClientOptions): Promise<OpenAI> {
    return openOpenAI(this.#client, options);
  }
}
