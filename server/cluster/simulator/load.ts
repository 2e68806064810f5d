import type { Engine } from './engine.ts';
import { pause } from './pause.ts';

/** Loading failed, as it was told to. */
export class LoadFault extends Error {
  override name = 'LoadFault';
}

const SHARDS = 4;

const OUT_OF_MEMORY = `Traceback (most recent call last):
  File "/opt/engine/core.py", line 708, in run_engine_core
    engine_core = EngineCore(config)
  File "/opt/engine/worker.py", line 213, in load_model
    self.model_runner.load_model()
  File "/opt/engine/weights.py", line 118, in create_weights
    weight = torch.empty(output_size, input_size, dtype=dtype)
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which 1.21 GiB is free.`;

/** Takes its time and prints what a real engine prints meanwhile; is told after each part how much has been loaded. */
export async function load(
  { options, print }: Engine,
  signal: AbortSignal,
  onShare: (share: number) => Promise<void>,
): Promise<void> {
  const { loadMs, fail, model = 'sim' } = options;
  const suffers = (kind: string) => fail.some((fault) => fault.kind === kind);
  print(`INFO Starting to load model ${model}...`);
  await onShare(0);
  for (let shard = 1; shard <= SHARDS; shard++) {
    if (!(await pause(loadMs / SHARDS, signal))) return;
    print(`INFO Loading safetensors checkpoint shards: ${(shard / SHARDS) * 100}% Completed | ${shard}/${SHARDS}`);
    if (shard >= SHARDS / 2 && suffers('crash-on-load'))
      throw new LoadFault('RuntimeError: Engine core initialization failed.');
    if (shard >= SHARDS / 2 && suffers('oom-on-load')) throw new LoadFault(OUT_OF_MEMORY);
    await onShare(shard / SHARDS);
  }
  print(`INFO Model loading took ${(loadMs / 1000).toFixed(2)} seconds`);
  print('INFO Application startup complete.');
}
