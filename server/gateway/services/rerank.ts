import { DOCUMENTS_MAX } from '../../../sdk/contract/index.ts';
import type { JsonBody } from '../bodies/json-body.ts';
import { invalid } from '../bodies/refusals.ts';
import { MemberScan } from '../counting/member-scan.ts';
import { estimateTokens, type MeteredCounts, NOTHING, toTokens } from '../counting/usage.ts';
import { Cursor, OPEN_BRACKET } from '../scan.ts';
import { noEvents, type Service, type WholeTally } from './service.ts';

/** Documents that are sorted, and the tokens in them. */
export const rerank: Service<JsonBody> = {
  answer: 'json',
  dialect: undefined,
  hasStreamOptions: false,
  check: (body) => void countDocuments(body),
  asksForEvents: () => false,
  atMost: (body) => ({
    ...NOTHING,
    documents: countDocuments(body),
    input_tokens: estimateTokens(body.bytes.length),
  }),
  tallyWhole: (body) => new RerankTally(body),
  tallyEvents: noEvents,
};

/** Asked for three times of one call, and the list may be megabytes. */
const counted = new WeakMap<JsonBody, number>();

function countDocuments(body: JsonBody): number {
  const count = counted.get(body) ?? walkDocuments(body);
  counted.set(body, count);
  return count;
}

function walkDocuments({ bytes, documents }: JsonBody): number {
  const must = `must be a list of 1 to ${DOCUMENTS_MAX} texts`;
  if (!documents || bytes[documents.start] !== OPEN_BRACKET) throw invalid('documents', must);
  const list = new Cursor(bytes, documents.start);
  let count = 0;
  while (list.next()) if (++count > DOCUMENTS_MAX) throw invalid('documents', must);
  if (count === 0) throw invalid('documents', must);
  return count;
}

class RerankTally implements WholeTally {
  readonly #documents: number;
  readonly #promptBytes: number;
  readonly #scan = new MemberScan();

  constructor(body: JsonBody) {
    this.#documents = countDocuments(body);
    this.#promptBytes = body.bytes.length;
  }

  note(chunk: Buffer): void {
    this.#scan.add(chunk);
  }

  end(): void {}

  counts(): MeteredCounts {
    const told = this.#toldTokens();
    return {
      ...NOTHING,
      input_tokens: told ?? estimateTokens(this.#promptBytes),
      documents: this.#documents,
      estimated: told === undefined,
    };
  }

  /** As vLLM and others tell them, or as Cohere does. */
  #toldTokens(): number | undefined {
    const usage = fieldsOf(this.#scan.value('usage'));
    const meta = fieldsOf(this.#scan.value('meta'));
    const { tokens, billed_units } = { tokens: fieldsOf(meta.tokens), billed_units: fieldsOf(meta.billed_units) };
    const told = [usage.prompt_tokens, usage.input_tokens, usage.total_tokens];
    return told.concat(tokens.input_tokens, billed_units.input_tokens).map(toTokens).find(Number.isInteger);
  }
}

const fieldsOf = (value: unknown) =>
  (typeof value === 'object' && value !== null ? value : {}) as Partial<Record<string, unknown>>;
