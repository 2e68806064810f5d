import { Client, type EcoOptions } from './client.ts';
import { type ClientOptions, type OpenAI, openOpenAI } from './openai.ts';
import { AccountResource } from './resources/account.ts';
import { Admin } from './resources/admin.ts';
import { Aliases } from './resources/aliases.ts';
import { Audio } from './resources/audio.ts';
import { Billing } from './resources/billing.ts';
import { Catalog } from './resources/catalog.ts';
import { Chat } from './resources/chat.ts';
import { Completions } from './resources/completions.ts';
import { Embeddings } from './resources/embeddings.ts';
import { Images } from './resources/images.ts';
import { Instances } from './resources/instances.ts';
import { Keys } from './resources/keys.ts';
import { Models } from './resources/models.ts';
import { Ranking } from './resources/ranking.ts';
import { Regions } from './resources/regions.ts';
import { Responses } from './resources/responses.ts';
import { ServedModels } from './resources/served-models.ts';
import { Videos } from './resources/videos.ts';
import { Workloads } from './resources/workloads.ts';

/** Everything a key may do. Methods reject with `EcoError`; they retry what may pass, and a POST is done once however often it is sent. */
export class Eco {
  readonly account: AccountResource;
  readonly keys: Keys;
  /** Registered models of the account. */
  readonly models: Models;
  /** Inference instances. */
  readonly instances: Instances;
  /** Names that stay while instances come and go. */
  readonly aliases: Aliases;
  /** Workloads of every kind. */
  readonly workloads: Workloads;
  /** Platform models, with prices. */
  readonly catalog: Catalog;
  readonly chat: Chat;
  readonly completions: Completions;
  readonly responses: Responses;
  readonly embeddings: Embeddings;
  readonly ranking: Ranking;
  readonly images: Images;
  readonly audio: Audio;
  readonly videos: Videos;
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
    this.aliases = new Aliases(client);
    this.workloads = new Workloads(client);
    this.catalog = new Catalog(client);
    this.chat = new Chat(client);
    this.completions = new Completions(client);
    this.responses = new Responses(client);
    this.embeddings = new Embeddings(client);
    this.ranking = new Ranking(client);
    this.images = new Images(client);
    this.audio = new Audio(client);
    this.videos = new Videos(client);
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
