import { z } from 'zod';
import { endpoint } from './endpoint.ts';
import { ModelField } from './inference.ts';

export const SPEECH_CHARACTERS_MAX = 4000;
export const speechFormats = ['mp3', 'wav', 'opus', 'pcm'] as const;
export const transcriptionFormats = ['json', 'text', 'srt', 'vtt', 'verbose_json'] as const;

export const SpeechInput = z.looseObject({
  model: ModelField,
  input: z.string().min(1).max(SPEECH_CHARACTERS_MAX).describe('The text to speak.'),
  voice: z.string().optional(),
  response_format: z
    .enum(speechFormats)
    .optional()
    .describe('Default: mp3. `pcm` is 24 kHz, mono, 16 bits, without a header.'),
  speed: z.number().min(0.25).max(4).optional(),
});

export const createSpeech = endpoint({
  name: 'createSpeech',
  method: 'POST',
  path: '/v1/audio/speech',
  summary: 'Speak a text: the bytes of the audio, as they come',
  scope: 'inference',
  input: SpeechInput,
  output: z.unknown(),
  answer: 'gateway',
  media: 'audio/*',
});

export const TranscriptionInput = z.looseObject({
  model: ModelField,
  file: z.file().describe('mp3, wav, m4a, webm, ogg or flac.'),
  language: z.string().optional().describe('ISO 639-1. Default: heard.'),
  prompt: z.string().optional(),
  response_format: z.enum(transcriptionFormats).optional(),
  temperature: z.number().optional(),
});

export const Transcription = z.looseObject({
  text: z.string(),
  language: z.string().optional(),
  duration: z.union([z.number(), z.string()]).optional().describe('Seconds; with `verbose_json`.'),
  segments: z.array(z.looseObject({ start: z.number(), end: z.number(), text: z.string() })).optional(),
});
export type Transcription = z.infer<typeof Transcription>;

export const createTranscription = endpoint({
  name: 'createTranscription',
  method: 'POST',
  path: '/v1/audio/transcriptions',
  summary: 'Write down what is spoken: JSON, or text, `srt` and `vtt` as they are',
  scope: 'inference',
  input: TranscriptionInput,
  output: Transcription,
  body: 'multipart',
  answer: 'gateway',
});
