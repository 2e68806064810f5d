import type { RequestOptions } from '../client.ts';
import { createSpeech, createTranscription, type Transcription } from '../contract/index.ts';
import { parseJson } from '../failure.ts';
import { type InferenceRequest, patient } from './inference.ts';
import { Resource } from './resource.ts';

type TranscriptionRequest = InferenceRequest<typeof createTranscription>;
/** Formats that are text, not JSON. */
type TextFormat = 'text' | 'srt' | 'vtt';

export class Audio extends Resource {
  /**
   * A text of up to 4000 characters, spoken: the response as soon as its head is there; `arrayBuffer()` reads all of
   * it, `body` streams. Throws like `chat.create`. `POST /v1/audio/speech`
   */
  speak(input: InferenceRequest<typeof createSpeech>, options?: RequestOptions): Promise<Response> {
    return this.client.open(createSpeech, input, patient(options));
  }

  /** What is spoken in a file of up to 25 MB: text for the formats that are text. Throws like `chat.create`, and `request_too_large`. `POST /v1/audio/transcriptions` */
  transcribe(input: TranscriptionRequest & { response_format: TextFormat }, options?: RequestOptions): Promise<string>;
  transcribe(
    input: TranscriptionRequest & { response_format?: 'json' | 'verbose_json' },
    options?: RequestOptions,
  ): Promise<Transcription>;
  async transcribe(input: TranscriptionRequest, options?: RequestOptions): Promise<Transcription | string> {
    const response = await this.client.open(createTranscription, input, patient(options));
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return isJson ? (parseJson(text) as Transcription) : text;
  }
}
