import type { JsonBody } from '../bodies/json-body.ts';
import { estimateTokens, NOTHING, readInputUsage } from '../counting/usage.ts';
import { UsageTail } from '../counting/usage-tail.ts';
import { noEvents, type Service } from './service.ts';

const noOutput = () => 0;

/** Tokens in, vectors out. */
export const embeddings: Service<JsonBody> = {
  answer: 'json',
  dialect: undefined,
  hasStreamOptions: false,
  check() {},
  asksForEvents: () => false,
  atMost: ({ bytes }) => ({ ...NOTHING, input_tokens: estimateTokens(bytes.length) }),
  tallyWhole: ({ bytes }) => new UsageTail(bytes.length, readInputUsage, noOutput),
  tallyEvents: noEvents,
};
