import type { Engine } from './engine.ts';
import { pause } from './pause.ts';

/** Loading failed, as it was told to. */
export class LoadFault extends Error {
  override name = 'LoadFault';
}

const SHARDS = 4;

const OUT_OF_MEMORY = `torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which 1.21 GiB is free.`;

/** Takes its time and prints what a real engine prints meanwhile. */
export async function load({ options, print }: Engine, signal: AbortSignal): Promise<void> {
  const { loadMs, fail, model = 'sim' } = options;
  print(`INFO Starting to load model ${model}...`);
  for (let shard = 1; shard <= SHARDS; shard++) {
    if (!(await pause(loadMs / SHARDS, signal))) return;
    print(`INFO Loading safetensors checkpoint shards: ${(shard / SHARDS) * 100}% Completed | ${shard}/${SHARDS}`);
    if (shard < SHARDS / 2) continue;
    if (fail?.kind === 'crash-on-load') throw new LoadFault('RuntimeError: Engine core initialization failed.');
    if (fail?.kind === 'oom-on-load') throw new LoadFault(OUT_OF_MEMORY);
  }
  print(`INFO Model loading took ${(loadMs / 1000).toFixed(2)} seconds`);
  print('INFO Application startup complete.');
}
