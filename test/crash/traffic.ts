/** One chat request as its client saw it. */
export interface Asked {
  requestId: string | undefined;
  streamed: boolean;
  /** The answer came whole: `[DONE]`, or a body with its end. */
  finished: boolean;
  /** Tokens of content that arrived. */
  tokens: number;
}

interface Target {
  url: string;
  apiKey: string;
  model: string;
}

const STREAMS = 6;
const PLAIN = 2;

/** Asks without a pause until `signal`, streamed and not; resolves with all that was asked once every request has ended. */
export async function sendTraffic(target: Target, signal: AbortSignal): Promise<Asked[]> {
  const asked: Asked[] = [];
  const worker = async (streamed: boolean) => {
    while (!signal.aborted) asked.push(await ask(target, streamed));
  };
  await Promise.all([
    ...Array.from({ length: STREAMS }, () => worker(true)),
    ...Array.from({ length: PLAIN }, () => worker(false)),
  ]);
  return asked;
}

async function ask({ url, apiKey, model }: Target, streamed: boolean): Promise<Asked> {
  const asked: Asked = { requestId: undefined, streamed, finished: false, tokens: 0 };
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model,
        stream: streamed,
        max_tokens: 40,
        messages: [{ role: 'user', content: 'one two three four five six seven eight' }],
      }),
    });
    asked.requestId = response.headers.get('x-request-id') ?? undefined;
    if (!response.ok) await response.body?.cancel();
    else if (streamed) await readStream(response, asked);
    else await readAnswer(response, asked);
  } catch {
    // the server was killed: what arrived until then is what the client has
  }
  if (asked.requestId === undefined) await new Promise((resolve) => setTimeout(resolve, 20)); // the server is away; do not spin
  return asked;
}

async function readStream(response: Response, asked: Asked): Promise<void> {
  let rest = '';
  for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const events = (rest + text).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) noteEvent(event.replace('data: ', ''), asked);
  }
}

function noteEvent(data: string, asked: Asked): void {
  if (data === '[DONE]') asked.finished = true;
  else if (data.startsWith('{') && JSON.parse(data).choices?.[0]?.delta?.content) asked.tokens++;
}

async function readAnswer(response: Response, asked: Asked): Promise<void> {
  const { usage } = (await response.json()) as { usage: { completion_tokens: number } };
  asked.tokens = usage.completion_tokens;
  asked.finished = true;
}
