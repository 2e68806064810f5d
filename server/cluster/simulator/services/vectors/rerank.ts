import { Refusal } from '../../refusal.ts';
import { countTokens } from '../../tokenizer.ts';
import { type Fields, isRecord, modelOf, readFields, readText, readWhole } from '../fields.ts';
import { giveJson } from '../give-json.ts';
import { serve } from '../serve.ts';
import { embed, similarity } from './embed.ts';

const DOCUMENTS_MAX = 1_000;

/** `POST /v1/rerank`. */
export const rerank = serve((engine, { body }) => {
  const fields = readFields(body);
  const query = readText(fields, 'query');
  const documents = readDocuments(fields);
  const top = readWhole(fields, 'top_n', 1, Number.MAX_SAFE_INTEGER) ?? documents.length;
  const model = modelOf(fields);
  const total_tokens = documents.reduce((sum, text) => sum + countTokens(query) + countTokens(text), 0);
  return {
    model,
    promptTokens: total_tokens,
    async answer(run) {
      const results = rank(query, documents, engine.options.dimensions)
        .slice(0, top)
        .map(({ index, score, text }) => ({
          index,
          relevance_score: score,
          ...(fields.return_documents === true && { document: { text } }),
        }));
      const ranking = { id: `rerank-${run.id}`, model, results, usage: { prompt_tokens: total_tokens, total_tokens } };
      return (await giveJson(engine, run, ranking)) ? 'stop' : 'abort';
    },
  };
});

/** Best first; of two as good the one that came first. */
function rank(query: string, documents: readonly string[], dimensions: number) {
  const wanted = embed(query, dimensions);
  return documents
    .map((text, index) => ({ index, text, score: scoreOf(similarity(wanted, embed(text, dimensions))) }))
    .toSorted((a, b) => b.score - a.score);
}

const STEEPNESS = 12;
/** Texts as near as this are as likely to fit as not. */
const HALF_NEAR = 0.3;

/** From a cosine to a score between 0 and 1. */
const scoreOf = (near: number): number => 1 / (1 + Math.exp(-STEEPNESS * (near - HALF_NEAR)));

function readDocuments({ documents }: Fields): string[] {
  if (!Array.isArray(documents) || documents.length === 0 || documents.length > DOCUMENTS_MAX)
    throw new Refusal(400, `documents: must be a list of 1 to ${DOCUMENTS_MAX}.`, 'documents');
  return documents.map((document) => {
    const text = isRecord(document) ? document.text : document;
    if (typeof text === 'string') return text;
    throw new Refusal(400, 'documents: each must be a text or {text}.', 'documents');
  });
}
