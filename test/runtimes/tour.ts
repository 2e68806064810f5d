import { Eco, EcoError } from '../../sdk/index.ts';

export interface TourOptions {
  baseUrl: string;
  apiKey: string;
  /** An own chat instance. */
  model: string;
}

/** What the SDK does in any runtime: documents, pages, streams, form data, errors, aborts, waiting. */
export async function tour({ baseUrl, apiKey, model }: TourOptions) {
  const eco = new Eco({ baseUrl, apiKey });
  const messages = [{ role: 'user' as const, content: 'one two three' }];
  const workloads = [];
  for await (const { ref } of eco.workloads.list({ limit: 1 })) workloads.push(ref);
  let streamed = '';
  for await (const chunk of eco.chat.stream({ model, messages })) streamed += chunk.choices[0]?.delta.content ?? '';
  return {
    account: (await eco.account.whoAmI()).account?.name,
    workloads,
    whole: (await eco.chat.create({ model, messages })).choices[0]?.message.content,
    streamed,
    state: (await eco.instances.waitUntilRunning(model)).state,
    missing: await failureOf(() => eco.models.get('none-such')),
    wrong: await failureOf(() => new Eco({ baseUrl, apiKey: 'eco_wrong' }).models.list()),
    form: await failureOf(() => eco.audio.transcribe({ model, file: new File(['RIFF'], 'speech.wav') })),
    aborted: await failureOf(() => eco.chat.create({ model, messages }, { signal: AbortSignal.abort() })),
  };
}

export type Tour = Awaited<ReturnType<typeof tour>>;

async function failureOf(call: () => PromiseLike<unknown>): Promise<string> {
  try {
    await call();
    return 'no error';
  } catch (error) {
    return error instanceof EcoError ? `${error.code} ${error.status}` : String(error);
  }
}
