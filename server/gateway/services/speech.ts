import { SPEECH_CHARACTERS_MAX } from '../../../sdk/contract/index.ts';
import { typed } from '../answers/dialect.ts';
import { parseData } from '../answers/event-data.ts';
import type { StreamEvent } from '../answers/stream-event.ts';
import { AudioMeter } from '../audio/meter.ts';
import type { JsonBody } from '../bodies/json-body.ts';
import { invalid } from '../bodies/refusals.ts';
import { type MeteredCounts, NOTHING } from '../counting/usage.ts';
import type { EventTally, Service, WholeTally } from './service.ts';

/** Characters in, audio out: as bytes, or base64 in events if `stream_format` is `sse`. */
export const speech: Service<JsonBody> = {
  answer: 'audio',
  dialect: typed,
  hasStreamOptions: false,
  check: (body) => void countCharacters(body),
  asksForEvents: (body) => formatOf(body, body.streamFormat) === 'sse',
  atMost(body) {
    const characters = countCharacters(body);
    return { ...NOTHING, characters, audio_ms: characters * MS_PER_CHARACTER };
  },
  tallyWhole: (body) => new SpeechTally(body),
  tallyEvents: (body) => new SpeechEvents(body),
};

/** Calm English has 14 characters in a second. */
const MS_PER_CHARACTER = 70;
/** Of a character that needs two escapes. */
const JSON_BYTES_PER_CHARACTER_MAX = 12;

function countCharacters(body: JsonBody): number {
  const { input } = body;
  const isLong = input && input.end - input.start > SPEECH_CHARACTERS_MAX * JSON_BYTES_PER_CHARACTER_MAX + 2;
  const text = isLong ? undefined : body.text(input);
  if (!isLong && !text) throw invalid('input', `must be a text of 1 to ${SPEECH_CHARACTERS_MAX} characters`);
  const count = [...(text ?? '')].length;
  if (isLong || count > SPEECH_CHARACTERS_MAX)
    throw invalid('input', `is longer than ${SPEECH_CHARACTERS_MAX} characters: send it in parts`);
  return count;
}

const FORMAT_BYTES_MAX = 32;

function formatOf(body: JsonBody, span: JsonBody['input']): string | undefined {
  return span && span.end - span.start <= FORMAT_BYTES_MAX ? body.text(span) : undefined;
}

/** Counts all characters of what was spoken to its end, else as many as fit into the audio that went out. */
class SpeechTally implements WholeTally {
  readonly #characters: number;
  readonly #meter: AudioMeter;
  #isWhole = false;

  constructor(body: JsonBody) {
    this.#characters = countCharacters(body);
    this.#meter = new AudioMeter({ isPcm: formatOf(body, body.responseFormat) === 'pcm' });
  }

  note(chunk: Buffer): void {
    this.#meter.add(chunk);
  }

  end(): void {
    this.#isWhole = true;
  }

  counts(): MeteredCounts {
    const ms = this.#meter.ms();
    const heard = ms === undefined || this.#isWhole ? this.#characters : Math.ceil(ms / MS_PER_CHARACTER);
    const characters = Math.min(heard, this.#characters);
    const audio_ms = ms ?? characters * MS_PER_CHARACTER;
    return { ...NOTHING, characters, audio_ms, estimated: ms === undefined || !this.#isWhole };
  }
}

class SpeechEvents implements EventTally {
  readonly #tally: SpeechTally;
  #usage: StreamEvent['usage'];

  constructor(body: JsonBody) {
    this.#tally = new SpeechTally(body);
  }

  note(event: StreamEvent): void {
    if (event.hasContent) this.#tally.note(audioOf(event.bytes));
    if (event.type === 'done') this.#tally.end();
    this.#usage = event.usage ?? this.#usage;
  }

  counts(): MeteredCounts {
    return { ...this.#tally.counts(), ...this.#usage };
  }
}

function audioOf(event: Buffer): Buffer {
  const data = parseData(event);
  const base64 = data?.audio ?? data?.delta;
  return Buffer.from(typeof base64 === 'string' ? base64 : '', 'base64');
}
