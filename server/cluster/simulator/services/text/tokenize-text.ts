import { sendJson } from '../../send.ts';
import { tokenize } from '../../tokenizer.ts';
import { readFields, readText } from '../fields.ts';
import type { Service } from '../service.ts';
import { tokenIds } from '../token-ids.ts';
import { parseMessage, promptOf } from './messages.ts';

/** `POST /tokenize`: a `prompt` or `messages` as vLLM would count them, with a number for each token. */
export const tokenizeText: Service = async ({ options }, { response, body }) => {
  const fields = readFields(body);
  const tokens = Array.isArray(fields.messages)
    ? promptOf(fields.messages.map(parseMessage), []).tokens
    : tokenize(readText(fields, 'prompt'));
  sendJson(response, 200, {
    count: tokens.length,
    max_model_len: options.maxModelLen ?? null,
    tokens: tokenIds(tokens),
    ...(fields.return_token_strs === true && { token_strs: tokens }),
  });
};
