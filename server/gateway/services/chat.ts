import type { Counts } from '../../billing/price.ts';
import { chunks, typed } from '../answers/dialect.ts';
import type { JsonBody } from '../bodies/json-body.ts';
import { StreamMeter } from '../counting/stream-meter.ts';
import { estimateTokens, readUsage } from '../counting/usage.ts';
import { UsageTail } from '../counting/usage-tail.ts';
import type { Service } from './service.ts';

/** Of a request that sets no limit of its own. */
const OUTPUT_TOKENS_ASSUMED = 1024;
/** A limit in the millions says nothing about what will come. */
const OUTPUT_TOKENS_ESTIMATE_MAX = 1_000_000;

/** Chat and completions: tokens in, tokens out. */
export const chat: Service<JsonBody> = {
  answer: 'json',
  dialect: chunks,
  hasStreamOptions: true,
  check() {},
  asksForEvents: ({ stream }) => stream,
  atMost,
  tallyWhole: ({ bytes }) => new UsageTail(bytes.length, readUsage, estimateTokens),
  tallyEvents: ({ bytes }) => new StreamMeter(bytes.length),
};

/** The same in the form of the Responses API, whose streams tell usage unasked. */
export const responses: Service<JsonBody> = { ...chat, dialect: typed, hasStreamOptions: false };

function atMost({ bytes, choices, maxTokens }: JsonBody): Counts {
  const output_tokens = Math.min((maxTokens ?? OUTPUT_TOKENS_ASSUMED) * choices, OUTPUT_TOKENS_ESTIMATE_MAX);
  return { input_tokens: estimateTokens(bytes.length), cached_input_tokens: 0, output_tokens };
}
