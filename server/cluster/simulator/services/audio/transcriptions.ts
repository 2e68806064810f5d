import { Refusal } from '../../refusal.ts';
import { type Fields, modelOf, readChoice, readText } from '../fields.ts';
import { readForm } from '../form.ts';
import { giveJson, giveText } from '../give-json.ts';
import { hashBytes } from '../hash-bytes.ts';
import { serve } from '../serve.ts';
import { findDuration } from './duration.ts';
import { inventWordsSpoken, segmentsOf, toSrt, toVtt, type Word } from './transcript.ts';

const FORMATS = ['json', 'text', 'srt', 'vtt', 'verbose_json'] as const;

/** `POST /v1/audio/transcriptions`: as many words as are spoken in the time the file takes. */
export const transcriptions = serve(async (engine, exchange) => {
  const { fields, files } = await readForm(exchange);
  const { file } = files;
  if (!file) throw new Refusal(400, 'file: must be a file.', 'file');
  const duration = findDuration(file);
  if (duration === undefined) throw new Refusal(400, 'file: must be a WAV, an MP3 or a FLAC with sound in it.', 'file');
  const heard = {
    duration,
    language: readText(fields, 'language', 'en'),
    words: inventWordsSpoken(duration, hashBytes(file) ^ engine.options.seed),
    tellsWords: fields['timestamp_granularities[]'] === 'word',
  };
  const answer = tell(heard, readChoice(fields, 'response_format', FORMATS));
  return {
    model: modelOf(fields),
    promptTokens: 0,
    async answer(run) {
      const isGiven =
        typeof answer === 'string'
          ? await giveText(engine, run, answer, { type: 'text/plain; charset=utf-8' })
          : await giveJson(engine, run, answer);
      return isGiven ? 'stop' : 'abort';
    },
  };
});

interface Heard {
  duration: number;
  language: string;
  words: Word[];
  tellsWords: boolean;
}

function tell(heard: Heard, format: (typeof FORMATS)[number]): string | Fields {
  const segments = segmentsOf(heard.words);
  const text = segments.map((segment) => segment.text).join(' ');
  switch (format) {
    case 'json':
      return { text, usage: usageOf(heard) };
    case 'text':
      return `${text}\n`;
    case 'srt':
      return toSrt(segments);
    case 'vtt':
      return toVtt(segments);
    case 'verbose_json':
      return { ...verbose(heard), text, segments, usage: usageOf(heard) };
  }
}

const verbose = ({ language, duration, words, tellsWords }: Heard) => ({
  task: 'transcribe',
  language,
  duration,
  ...(tellsWords && { words }),
});

/** Engines round up to whole seconds. */
const usageOf = ({ duration }: Heard) => ({ type: 'duration', seconds: Math.ceil(duration) });
