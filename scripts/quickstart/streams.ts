interface Target {
  url: string;
  apiKey: string;
  model: string;
}

interface Load extends Target {
  streams: number;
  seconds: number;
  /** Called with the region of each token that arrives. */
  onToken(region: string): void;
}

export interface Outcome {
  completed: number;
  /** Ended after content without `[DONE]`. */
  cut: number;
  /** …and said so with an error event. */
  cutWithError: number;
  /** Refused or broken before any content. */
  failed: number;
  tokens: number;
  /** Completed streams by region. */
  regions: Record<string, number>;
}

const TOKENS_PER_STREAM = 60;

/** Keeps so many streams under way for so many seconds, each begun when the one before it ended. */
export async function streamFor({ streams, seconds, onToken, ...target }: Load): Promise<Outcome> {
  const outcome: Outcome = { completed: 0, cut: 0, cutWithError: 0, failed: 0, tokens: 0, regions: {} };
  const end = Date.now() + seconds * 1000;
  const worker = async () => {
    while (Date.now() < end) note(outcome, await streamOnce(target, onToken));
  };
  await Promise.all(Array.from({ length: streams }, worker));
  return outcome;
}

interface Ended {
  region: string;
  tokens: number;
  done: boolean;
  error: boolean;
}

/** One stream, read with plain `fetch`, so that what stands on the wire is seen as it is. */
async function streamOnce({ url, apiKey, model }: Target, onToken: Load['onToken']): Promise<Ended> {
  const messages = [{ role: 'user', content: 'Count with me: one two three four five six seven.' }];
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream: true, max_tokens: TOKENS_PER_STREAM, messages }),
  });
  const region = response.headers.get('x-ecolink-region') ?? 'none';
  const ended: Ended = { region, tokens: 0, done: false, error: false };
  for await (const data of readEvents(response)) {
    if (data === '[DONE]') ended.done = true;
    else if (data.includes('"error"')) ended.error = true;
    else if (JSON.parse(data).choices?.[0]?.delta?.content) {
      ended.tokens++;
      onToken(region);
    }
  }
  return ended;
}

async function* readEvents({ body }: Response): AsyncGenerator<string> {
  let rest = '';
  for await (const text of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const events = (rest + text).split('\n\n');
    rest = events.pop() ?? '';
    yield* events.filter((event) => event.startsWith('data: ')).map((event) => event.slice('data: '.length));
  }
}

function note(outcome: Outcome, { region, tokens, done, error }: Ended): void {
  outcome.tokens += tokens;
  if (done) {
    outcome.completed++;
    outcome.regions[region] = (outcome.regions[region] ?? 0) + 1;
  } else if (tokens === 0) outcome.failed++;
  else {
    outcome.cut++;
    if (error) outcome.cutWithError++;
  }
}
