import { speak } from '../text/speak.ts';
import { openChatFormat } from './format.ts';
import { parseChat } from './parse.ts';

/** `POST /v1/chat/completions`, in vLLM's shape. */
export const chat = speak((fields) => ({ ask: parseChat(fields), format: openChatFormat }));
