import { DIMENSIONS_MAX } from '../../options.ts';
import { Refusal } from '../../refusal.ts';
import { countTokens } from '../../tokenizer.ts';
import { type Fields, modelOf, readChoice, readFields, readWhole } from '../fields.ts';
import { giveJson } from '../give-json.ts';
import { isTokens } from '../inputs.ts';
import { serve } from '../serve.ts';
import { embed } from './embed.ts';

const INPUTS_MAX = 2_048;

/** `POST /v1/embeddings`. */
export const embeddings = serve((engine, { body }) => {
  const fields = readFields(body);
  const inputs = readInputs(fields);
  const dimensions = readWhole(fields, 'dimensions', 1, DIMENSIONS_MAX) ?? engine.options.dimensions;
  const encoding = readChoice(fields, 'encoding_format', ['float', 'base64']);
  const model = modelOf(fields);
  const promptTokens = inputs.reduce((sum, { tokens }) => sum + tokens, 0);
  return {
    model,
    promptTokens,
    async answer(run) {
      const data = inputs.map(({ text }, index) => ({
        object: 'embedding',
        index,
        embedding: encode(embed(text, dimensions), encoding),
      }));
      const usage = { prompt_tokens: promptTokens, total_tokens: promptTokens };
      const list = { object: 'list', data, model, usage };
      return (await giveJson(engine, run, list)) ? 'stop' : 'abort';
    },
  };
});

interface Input {
  text: string;
  tokens: number;
}

function readInputs({ input }: Fields): Input[] {
  const list = typeof input === 'string' || isTokens(input) ? [input] : input;
  if (!Array.isArray(list) || list.length === 0 || list.length > INPUTS_MAX)
    throw new Refusal(400, `input: must be a text, a list of tokens, or a list of up to ${INPUTS_MAX} such.`, 'input');
  return list.map(parseInput);
}

function parseInput(input: unknown): Input {
  if (typeof input === 'string') return { text: input, tokens: countTokens(input) };
  if (isTokens(input)) return { text: input.map((token) => `token${token}`).join(' '), tokens: input.length };
  throw new Refusal(400, 'input: each must be a text or a list of tokens.', 'input');
}

/** Base64 is that of little-endian 32-bit floats. */
function encode(vector: Float32Array, encoding: 'float' | 'base64'): number[] | string {
  if (encoding === 'float') return [...vector];
  const bytes = Buffer.alloc(vector.length * Float32Array.BYTES_PER_ELEMENT);
  for (const [at, value] of vector.entries()) bytes.writeFloatLE(value, at * Float32Array.BYTES_PER_ELEMENT);
  return bytes.toString('base64');
}
