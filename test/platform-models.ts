import { Eco } from '../sdk/index.ts';
import { SYSTEM } from '../server/accounts/audit-log.ts';
import { openAccount } from '../server/accounts/open-account.ts';
import { platformCatalog } from '../server/dev/catalog.ts';
import type { TestEco } from './harness.ts';

/** A model of the starter catalogue for each category. */
export const models = {
  chat: 'meta-llama/Llama-3.1-8B-Instruct',
  embedding: 'BAAI/bge-large-en-v1.5',
  reranker: 'BAAI/bge-reranker-v2-m3',
  image: 'black-forest-labs/FLUX.1-schnell',
  speech: 'hexgrad/Kokoro-82M',
  transcription: 'openai/whisper-large-v3',
  video: 'Wan-AI/Wan2.1-T2V-1.3B',
} as const;

/** The starter catalogue, all of it priced and served by one simulator. */
export async function servePlatformModels(server: TestEco, args: string[] = []): Promise<void> {
  const { secret } = await openAccount(server.server.context, { name: 'platform', actor: SYSTEM, isSystem: true });
  const platform = new Eco({ apiKey: secret, baseUrl: server.url });
  await platform.models.register({ name: 'platform', source: { type: 'image' } });
  const { id } = await platform.instances.launch({
    model: 'platform',
    image: 'ecolink/sim',
    regions: ['local-a'],
    gpu: { type: 'l4' },
    args: ['--ttft', '1ms', '--itl', '1ms', ...args],
  });
  await server.admin.admin.importModels({ models: platformCatalog(id) });
  await server.admin.admin.priceModel({ model: models.video, prices: { per_video_second: '0.05' } });
  await platform.instances.waitUntilRunning(id, { timeoutMs: 30_000 });
}
