import type { Gateway } from './gateways.ts';
import type { Scenario } from './scenarios.ts';

type Asked = Pick<Scenario, 'kind' | 'plan' | 'prompt_bytes'>;

const PROMPT_BYTES = 850;
const WORDS = 'Summarise the following text for a busy reader and keep the names. ';

/** A chat request with its keys in the order of the Python client: messages first. The plan is the model, or else the user. */
export function chatBody(
  { model }: Pick<Gateway, 'model'>,
  { kind, plan, prompt_bytes = PROMPT_BYTES }: Asked,
): string {
  const content = WORDS.repeat(Math.ceil(prompt_bytes / WORDS.length)).slice(0, prompt_bytes);
  const streamed = kind === 'stream' || kind === 'idle';
  return JSON.stringify({
    messages: [
      { role: 'system', content: 'You are helpful.' },
      { role: 'user', content },
    ],
    model: model ?? plan,
    temperature: 0.7,
    ...(streamed && { stream: true, stream_options: { include_usage: true } }),
    user: plan,
  });
}

export const UPLOAD_TYPE = 'multipart/form-data; boundary=bench';

/** A transcription request: the model, then a file of that size. */
export function uploadBody({ model = 'sim' }: Pick<Gateway, 'model'>, size: number): Buffer {
  const file = part('name="file"; filename="a.wav"\r\ncontent-type: audio/wav', Buffer.alloc(size, 7));
  return Buffer.concat([part('name="model"', Buffer.from(model)), file, Buffer.from('--bench--\r\n')]);
}

const part = (head: string, content: Buffer) =>
  Buffer.concat([
    Buffer.from(`--bench\r\ncontent-disposition: form-data; ${head}\r\n\r\n`),
    content,
    Buffer.from('\r\n'),
  ]);
