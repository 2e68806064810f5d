import { EcoError } from './contract/index.ts';
import { failureOf, parseJson } from './failure.ts';
import { aborted } from './retry.ts';

/** No line of ours comes near; a stream without line ends must not fill the memory. */
const LINE_MAX_CHARS = 16 * 1024 * 1024;

interface StreamOptions {
  signal?: AbortSignal | undefined;
}

interface EventOptions<T> extends StreamOptions {
  /** Whether an event is the last one, where none says `[DONE]`. */
  isLast?: ((event: T) => boolean) | undefined;
}

/** One JSON document a line. Leaving the loop closes the connection; a cut or garbled stream throws `EcoError`. */
export async function* readDocuments<T>(response: Response, options: StreamOptions = {}): AsyncGenerator<T, void> {
  for await (const { text, ended } of readLines(response, options)) {
    if (text.trim() === '') continue;
    const document = parseJson(text);
    const failure = failureOf(document);
    if (failure) throw failure;
    if (document === undefined) throw ended ? garbled(text) : cut();
    yield document as T;
  }
}

/** The events of an OpenAI stream up to `[DONE]` or the last one. An error event, or an end without it, throws `EcoError`. */
export async function* readEvents<T>(response: Response, options: EventOptions<T> = {}): AsyncGenerator<T, void> {
  let data: string[] = [];
  for await (const { text } of readLines(response, options)) {
    if (text.startsWith('data:')) data.push(text.slice(text[5] === ' ' ? 6 : 5));
    if (text !== '' || data.length === 0) continue; // an event ends with an empty line; comments and names are skipped
    const event = data.join('\n');
    data = [];
    if (event === '[DONE]') return;
    const document = parseJson(event);
    const failure = failureOf(document);
    if (failure) throw failure;
    if (document === undefined) throw garbled(event);
    yield document as T;
    if (options.isLast?.(document as T)) return;
  }
  throw cut();
}

interface Line {
  text: string;
  /** False for what stood behind the last line end when the stream was over. */
  ended: boolean;
}

/** Lines however the chunks fall: also with `\r\n`, or in the middle of a character. */
async function* readLines(response: Response, { signal }: StreamOptions): AsyncGenerator<Line, void> {
  if (!response.body) throw cut();
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let parts: string[] = [];
  let waiting = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const [first = '', ...rest] = decoder.decode(value, { stream: !done }).split('\n');
      parts.push(first);
      waiting += first.length;
      if (waiting > LINE_MAX_CHARS) throw new EcoError('invalid_answer', 'A line of the stream has no end.');
      for (const next of rest) {
        yield { text: parts.join('').replace(/\r$/, ''), ended: true };
        parts = [next];
        waiting = next.length;
      }
      if (done) break;
    }
    const last = parts.join('');
    if (last !== '') yield { text: last, ended: false };
  } catch (cause) {
    if (cause instanceof EcoError) throw cause;
    throw signal?.aborted ? aborted(signal) : cut(cause);
  } finally {
    await reader.cancel().catch(() => {}); // already broken: nothing left to close
  }
}

const cut = (cause?: unknown) =>
  new EcoError('stream_cut', 'The stream broke off before its end.', {
    status: 0,
    cause,
    hint: 'Send the request again.',
  });

const garbled = (text: string) =>
  new EcoError('invalid_answer', `The stream has a line that is not JSON: ${text.slice(0, 100)}`);
