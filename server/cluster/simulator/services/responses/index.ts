import { speak } from '../text/speak.ts';
import { openResponsesFormat } from './format.ts';
import { parseResponse } from './parse.ts';

/** `POST /v1/responses`. Nothing is stored: a conversation is sent whole. */
export const responses = speak((fields) => ({
  ask: parseResponse(fields),
  format: (call) => openResponsesFormat(call, fields),
}));
