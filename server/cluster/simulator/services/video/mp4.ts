import type { Picture } from '../images/png.ts';
import { encodeFrame, encodeParameters, encodeSequence } from './h264.ts';

/** An MP4 that browsers play: H.264, each frame complete in itself, the index in front. Sides are multiples of 16. */
export function encodeMp4(frames: readonly Picture[], fps: number): Buffer {
  const [first] = frames;
  if (!first) throw new RangeError('A video has at least one frame.');
  const samples = frames.map((frame, index) => {
    const slice = encodeFrame(frame, index);
    return Buffer.concat([u32(slice.length), slice]);
  });
  const track: Track = { width: first.width, height: first.height, fps, sizes: samples.map(({ length }) => length) };
  const type = box('ftyp', text('isom'), u32(512), text('isomiso2avc1mp41'));
  const dataAt = type.length + movie(track, 0).length + BOX_HEAD_BYTES;
  return Buffer.concat([type, movie(track, dataAt), box('mdat', ...samples)]);
}

interface Track {
  width: number;
  height: number;
  fps: number;
  /** Bytes of each frame. */
  sizes: number[];
}

const BOX_HEAD_BYTES = 8;

/** ISO 14496-12: its length, its name, what is in it. */
function box(name: string, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, BOX_HEAD_BYTES);
  return Buffer.concat([u32(length), text(name), ...parts]);
}

const u16 = (...values: number[]): Buffer => Buffer.from(values.flatMap((value) => [(value >> 8) & 255, value & 255]));
const u32 = (...values: number[]): Buffer => u16(...values.flatMap((value) => [value >>> 16, value & 0xffff]));
const text = (value: string): Buffer => Buffer.from(value, 'latin1');

/** Version and flags, in front of many a box. */
const PLAIN = u32(0);
const UNTURNED = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);
const NORMAL_SPEED = 0x10000;
const SHOWN = 3;
const UNDETERMINED = 0x55c4;

function movie(track: Track, dataAt: number): Buffer {
  const { width, height, fps, sizes } = track;
  const duration = sizes.length;
  return box(
    'moov',
    box(
      'mvhd',
      PLAIN,
      u32(0, 0, fps, duration, NORMAL_SPEED),
      u16(0x0100, 0),
      u32(0, 0),
      UNTURNED,
      u32(0, 0, 0, 0, 0, 0, 2),
    ),
    box(
      'trak',
      box('tkhd', u32(SHOWN, 0, 0, 1, 0, duration, 0, 0), u16(0, 0, 0, 0), UNTURNED, u32(width << 16, height << 16)),
      box(
        'mdia',
        box('mdhd', PLAIN, u32(0, 0, fps, duration), u16(UNDETERMINED, 0)),
        box('hdlr', PLAIN, u32(0), text('vide'), u32(0, 0, 0), text('video\0')),
        box(
          'minf',
          box('vmhd', u32(1), u16(0, 0, 0, 0)),
          box('dinf', box('dref', PLAIN, u32(1), box('url ', u32(1)))),
          sampleTable(track, dataAt),
        ),
      ),
    ),
  );
}

/** All frames last as long, and lie in one chunk. */
function sampleTable(track: Track, dataAt: number): Buffer {
  const { sizes } = track;
  return box(
    'stbl',
    box('stsd', PLAIN, u32(1), sampleEntry(track)),
    box('stts', PLAIN, u32(1, sizes.length, 1)),
    box('stsc', PLAIN, u32(1, 1, sizes.length, 1)),
    box('stsz', PLAIN, u32(0, sizes.length, ...sizes)),
    box('stco', PLAIN, u32(1, dataAt)),
  );
}

const DOTS_PER_INCH = 72 << 16;
const COMPRESSOR_BYTES = 32;

function sampleEntry({ width, height }: Track): Buffer {
  return box(
    'avc1',
    u32(0),
    u16(0, 1),
    u32(0, 0, 0, 0),
    u16(width, height),
    u32(DOTS_PER_INCH, DOTS_PER_INCH, 0),
    u16(1),
    Buffer.alloc(COMPRESSOR_BYTES),
    u16(24, 0xffff),
    decoderConfiguration({ width, height }),
  );
}

/** ISO 14496-15: profile and level again, lengths of four bytes, both parameter sets. */
function decoderConfiguration(size: Pick<Track, 'width' | 'height'>): Buffer {
  const [sequence, parameters] = [encodeSequence(size), encodeParameters()];
  return box(
    'avcC',
    Buffer.concat([Buffer.of(1), sequence.subarray(1, 4), Buffer.of(0xff, 0xe1)]),
    u16(sequence.length),
    sequence,
    Buffer.of(1),
    u16(parameters.length),
    parameters,
  );
}
