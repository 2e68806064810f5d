import type { EngineName, ModelCategory } from '../../../sdk/contract/index.ts';
import { custom } from './custom.ts';
import type { Engine, UsageAbility } from './engine.ts';
import { infinity } from './infinity.ts';
import { llamaCpp } from './llama-cpp.ts';
import { lmdeploy } from './lmdeploy.ts';
import { ollama } from './ollama.ts';
import { sglang } from './sglang.ts';
import { sim } from './sim.ts';
import { tei } from './tei.ts';
import { tgi } from './tgi.ts';
import { vllm } from './vllm.ts';

const byName: Record<EngineName, Engine> = {
  vllm,
  sglang,
  tgi,
  lmdeploy,
  ollama,
  'llama.cpp': llamaCpp,
  infinity,
  tei,
  sim,
};

/** All that are known, in the order of the reference. */
export const engines: readonly Engine[] = Object.values(byName);

/** The engine that an image is, else `custom`. */
export const engineOf = (image: string): Engine => engines.find(({ pattern }) => pattern.test(image)) ?? custom;

export const engineByName = (name: EngineName): Engine => byName[name];

const defaults: Partial<Record<ModelCategory, Engine>> = { chat: vllm, embedding: tei, reranker: vllm };

/** What serves a category where the launch names nothing; undefined where no engine is the usual one. */
export const defaultEngine = (category: ModelCategory): Engine | undefined => defaults[category];

/** The engine that a workload is told to run: `custom` where nothing is known of it. */
export const engineOfWorkload = (engineName: string): Engine =>
  engines.find(({ name }) => name === engineName) ?? custom;

/** What its streams tell of usage; of one that is not known, at the end. */
export const usageOf = (engineName: string): UsageAbility => engineOfWorkload(engineName).usage;
