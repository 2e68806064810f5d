import { speak } from '../text/speak.ts';
import { openCompletionFormat } from './format.ts';
import { parseCompletion } from './parse.ts';

/** `POST /v1/completions`: text goes on where the prompt ends. */
export const completions = speak((fields) => ({
  ask: parseCompletion(fields),
  format: (call) => openCompletionFormat(call, fields.echo === true),
}));
