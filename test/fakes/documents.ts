import type {
  Account,
  AdminModel,
  Audit,
  Key,
  Model,
  PageOf,
  PlatformModel,
  Quote,
  Region,
  Replica,
  Transaction,
  UsageRow,
  WhoAmI,
  Workload,
  WorkloadEvent,
} from '../../sdk/index.ts';

/** Documents of the contract, whole and plausible; a test changes what it is about. */
const AT = 1_760_000_000_000;

export const pageOf = <T>(...data: T[]): PageOf<T> => ({ object: 'list', data, next: null });

export const account = (): Account => ({ object: 'account', id: 'acc_1', name: 'Acme', created_at: AT });

export const key = (changes: Partial<Key> = {}): Key => ({
  object: 'key',
  id: 'key_1',
  name: 'laptop',
  last_four: 'abcd',
  scopes: null,
  allowed_models: null,
  spend_cap: null,
  expires_at: null,
  revoked_at: null,
  created_at: AT,
  ...changes,
});

export const model = (changes: Partial<Model> = {}): Model => ({
  object: 'model',
  id: 'mdl_1',
  name: 'my-llama',
  category: 'chat',
  source: { type: 'huggingface', repo: 'meta-llama/Llama-3.1-8B-Instruct', revision: 'main' },
  has_token: false,
  created_at: AT,
  ...changes,
});

export const workload = (changes: Partial<Workload> = {}): Workload => ({
  object: 'workload',
  id: 142,
  kind: 'inference_instance',
  name: 'my-llama',
  ref: 'my-llama:142',
  state: 'running',
  reason: 'ready',
  message: 'All 2 replicas are ready.',
  hint: null,
  since: AT,
  model: 'my-llama',
  category: 'chat',
  image: 'ecolink/sim',
  engine: 'sim',
  command: null,
  args: [],
  custom_api_path: null,
  gpu: { type: 'h100', count: 2 },
  replicas_per_region: 1,
  regions: [
    { region: 'local-a', desired: 1, ready: 1 },
    { region: 'local-b', desired: 1, ready: 1 },
  ],
  rate_per_hour: '9.20',
  hold: '220.80',
  hold_until: AT + 86_400_000,
  generation: 1,
  observed_generation: 1,
  revision: 7,
  created_at: AT,
  started_at: AT,
  ended_at: null,
  ...changes,
});

export const quote = (changes: Partial<Quote> = {}): Quote => ({
  object: 'quote',
  rate_per_hour: '9.20',
  hold: '220.80',
  hold_hours: 24,
  available: '1000.00',
  available_after: '779.20',
  affordable: true,
  gpu: { type: 'h100', count: 2 },
  placements: [
    { region: 'local-a', replicas: 1, price_per_gpu_hour: '2.30', free: 8, largest_free_block: 8 },
    { region: 'local-b', replicas: 1, price_per_gpu_hour: '2.30', free: 6, largest_free_block: 6 },
  ],
  notes: [],
  ...changes,
});

export const replica = (): Replica => ({
  object: 'replica',
  id: '142-local-a-7x3k',
  workload_id: 142,
  region: 'local-a',
  node: null,
  state: 'ready',
  reason: 'ready',
  message: 'Ready.',
  restarts: 0,
  pid: 4711,
  address: '127.0.0.1:9000',
  started_at: AT,
  ready_at: AT,
  ended_at: null,
  exit_code: null,
});

export const event = (changes: Partial<WorkloadEvent> = {}): WorkloadEvent => ({
  object: 'event',
  id: 'evt_1',
  workload_id: 142,
  at: AT,
  type: 'normal',
  reason: 'ready',
  message: 'All 2 replicas are ready.',
  actor: 'system',
  ...changes,
});

export const platformModel = (): PlatformModel => ({
  object: 'platform_model',
  id: 'llama-3.1-8b',
  aliases: [],
  display_name: 'Llama 3.1 8B',
  category: 'chat',
  context_length: 131_072,
  max_output: null,
  input_modalities: ['text'],
  output_modalities: ['text'],
  status: 'active',
  prices: { input_per_1m: '0.05', output_per_1m: '0.08' },
  regions: ['local-a'],
});

export const adminModel = (): AdminModel => ({ ...platformModel(), backends: [] });

export const region = (): Region => ({
  object: 'region',
  name: 'local-a',
  kind: 'local',
  reachable: true,
  message: null,
  offers: [{ gpu: 'h100', price_per_hour: '2.30', total: 8, free: 6, largest_free_block: 6, simulated: true }],
  filesystems: [{ name: 'shared', mount: '/shared', size_gib: 512 }],
});

export const transaction = (): Transaction => ({
  object: 'transaction',
  id: 'txn_1',
  kind: 'hold',
  amount: '-220.80',
  available_after: '779.20',
  description: 'Hold of my-llama:142',
  reference: '142',
  created_at: AT,
});

export const usageRow = (): UsageRow => ({
  object: 'usage',
  group: '2025-10-09',
  model: null,
  key_id: null,
  workload_id: null,
  region: null,
  status: null,
  estimated: false,
  requests: 3,
  input_tokens: 30,
  cached_input_tokens: 0,
  output_tokens: 90,
  images: 0,
  audio_seconds: 0,
  characters: 0,
  documents: 0,
  video_seconds: 0,
  cost: '0.00',
  started_at: null,
});

export const whoAmI = (changes: Partial<WhoAmI> = {}): WhoAmI => ({
  object: 'whoami',
  admin: false,
  account: account(),
  key: key(),
  ...changes,
});

export const audit = (changes: Partial<Audit> = {}): Audit => ({
  object: 'audit',
  clean: true,
  checked: { balances: 3 },
  findings: [],
  ...changes,
});
