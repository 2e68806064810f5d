import type { JsonSchema } from '../schema/json-schema.ts';

/** An answer in words that was asked for, whatever the endpoint. */
export interface Ask {
  model: string;
  prompts: Prompt[];
  /** Answers to each prompt. */
  choices: number;
  maxTokens: number | undefined;
  ignoreEos: boolean;
  stop: string[];
  seed: number | undefined;
  stream: boolean;
  includeUsage: boolean;
  /** Usage in every chunk, as vLLM has it: only together with `include_usage`. */
  continuousUsage: boolean;
  /** Whether the model thinks first, where it can. */
  reasons: boolean;
  /** The shape of the answer; undefined for plain text. */
  schema: JsonSchema | undefined;
  tools: Tool[];
  toolChoice: ToolChoice;
  parallelCalls: boolean;
  /** How many likely tokens are told for each; undefined for none, not even the one that was chosen. */
  logprobs: number | undefined;
}

export interface Prompt {
  tokens: string[];
  /** What an echo repeats. */
  last: string;
  /** Whether that is what a tool gave back. */
  isToolResult: boolean;
}

export interface Tool {
  name: string;
  parameters: JsonSchema;
}

export type ToolChoice = 'auto' | 'none' | 'required' | { name: string };

export const countPrompt = ({ prompts }: Pick<Ask, 'prompts'>): number =>
  prompts.reduce((sum, { tokens }) => sum + tokens.length, 0);

/** Answers of all prompts together. */
export const countAnswers = ({ prompts, choices }: Pick<Ask, 'prompts' | 'choices'>): number =>
  prompts.length * choices;
