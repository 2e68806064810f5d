import { type Fields, isRecord, readSeed, readWhole } from '../fields.ts';
import type { Ask } from './ask.ts';

const CHOICES_MAX = 128;

/** The fields that chat and plain completions share. */
export function readSampling(
  fields: Fields,
): Pick<Ask, 'choices' | 'ignoreEos' | 'stop' | 'seed' | 'stream' | 'includeUsage' | 'continuousUsage'> {
  const { stream, stream_options, stop, ignore_eos } = fields;
  const options = isRecord(stream_options) ? stream_options : {};
  return {
    choices: readWhole(fields, 'n', 1, CHOICES_MAX) ?? 1,
    ignoreEos: ignore_eos === true,
    stop: (Array.isArray(stop) ? stop : [stop]).filter((text) => typeof text === 'string' && text !== ''),
    seed: readSeed(fields),
    stream: stream === true,
    includeUsage: options.include_usage === true,
    continuousUsage: options.include_usage === true && options.continuous_usage_stats === true,
  };
}
