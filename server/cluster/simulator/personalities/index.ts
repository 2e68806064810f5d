import { infinity } from './infinity.ts';
import { llamaCpp } from './llama-cpp.ts';
import { lmdeploy } from './lmdeploy.ts';
import { ollama } from './ollama.ts';
import type { Personality } from './personality.ts';
import { sglang } from './sglang.ts';
import { tei } from './tei.ts';
import { tgi } from './tgi.ts';
import { vllm } from './vllm.ts';
import { vllmOld } from './vllm-old.ts';

/** The engines it can pass for, by the name for `--personality`. */
export const personalities = {
  vllm,
  'vllm-old': vllmOld,
  sglang,
  tgi,
  'llama.cpp': llamaCpp,
  tei,
  ollama,
  lmdeploy,
  infinity,
} as const satisfies Record<string, Personality>;

export type PersonalityName = keyof typeof personalities;

export const personalityNames = Object.keys(personalities) as PersonalityName[];
