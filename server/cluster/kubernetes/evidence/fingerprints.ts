import type { Reason } from '../../../../sdk/contract/index.ts';
import { quoted, type Verdict, verdict } from './verdict.ts';

/** What an engine's last words say about why it ended; undefined where they say nothing that is known. */
export function fingerprintVerdict(lastWords: string | undefined): Verdict | undefined {
  const lines = (lastWords ?? '').split('\n');
  for (const [pattern, reason] of fingerprints) {
    const line = lines.findLast((each) => pattern.test(each));
    if (line !== undefined) return verdict(reason, `The engine said: ${quoted(line)}`);
  }
  return undefined;
}

/** The first that occurs is told: causes before what follows from them. */
const fingerprints: readonly (readonly [RegExp, Reason])[] = [
  [/GatedRepoError|gated repo|awaiting a review|Access to model .* is restricted/i, 'hf_gated'],
  [/401 Client Error.*huggingface|Invalid user token|RepositoryNotFoundError.*401/i, 'hf_token_missing'],
  [
    /is not a valid model identifier|RepositoryNotFoundError|404 Client Error.*huggingface|RevisionNotFoundError/i,
    'weights_not_found',
  ],
  [/No space left on device|Errno 28/i, 'disk_full'],
  [
    /CUDA out of memory|OutOfMemoryError|No available memory for the cache blocks|CUBLAS_STATUS_ALLOC_FAILED/i,
    'oom_gpu',
  ],
  [
    /CUDA driver version is insufficient|no CUDA-capable device|forward compatibility was attempted/i,
    'driver_mismatch',
  ],
  [
    /max seq len .* larger than the maximum number of tokens|larger than the maximum number of tokens that can be stored in KV cache/i,
    'context_too_long',
  ],
  [/unrecognized arguments|error: argument|unexpected argument|invalid choice/i, 'bad_args'],
];
