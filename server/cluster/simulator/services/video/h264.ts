import type { Picture } from '../images/png.ts';
import { BitWriter } from './bits.ts';

/** A frame is made of squares of so many pixels: its sides must be multiples of it. */
const BLOCK = 16;
const BASELINE = 66;
const CONSTRAINTS = 0xc0;
const LEVEL_4 = 40;

/** NAL unit types of H.264 §7.4.1, with the highest importance. */
const SEQUENCE = 0x67;
const PARAMETERS = 0x68;
const IDR_SLICE = 0x65;

/** The sequence parameter set of H.264 §7.3.2.1: baseline, frames in the order they are shown. */
export function encodeSequence({ width, height }: Pick<Picture, 'width' | 'height'>): Buffer {
  const bits = new BitWriter([BASELINE, CONSTRAINTS, LEVEL_4]);
  for (const value of [0, 0, 2, 1]) bits.golomb(value); // its id, frame numbers of 4 bits, no order count, one reference
  bits.bits(0, 1);
  bits.golomb(width / BLOCK - 1);
  bits.golomb(height / BLOCK - 1);
  bits.bits(0b1100, 4); // whole frames, 8x8 inference; neither cropped nor described further
  return unit(SEQUENCE, bits.end());
}

/** The picture parameter set of H.264 §7.3.2.2: as plain as can be. */
export function encodeParameters(): Buffer {
  const bits = new BitWriter();
  for (const value of [0, 0]) bits.golomb(value);
  bits.bits(0, 2); // variable-length codes, no fields
  for (const value of [0, 0, 0]) bits.golomb(value);
  bits.bits(0, 3); // no weights
  for (const value of [0, 0, 0]) bits.golomb(value);
  bits.bits(0, 3);
  return unit(PARAMETERS, bits.end());
}

const INTRA_SLICE = 7;
const PLAIN_BLOCK = 25;

/** One frame, its samples as they are (I_PCM, H.264 §7.3.5): no transform and no loss, but for the colours. */
export function encodeFrame(picture: Picture, index: number): Buffer {
  const bits = new BitWriter();
  for (const value of [0, INTRA_SLICE, 0]) bits.golomb(value);
  bits.bits(0, 4);
  bits.golomb(index % 2); // neighbours must differ
  bits.bits(0, 2);
  bits.golomb(0);
  for (let y = 0; y < picture.height; y += BLOCK)
    for (let x = 0; x < picture.width; x += BLOCK) {
      bits.golomb(PLAIN_BLOCK);
      bits.bytes(samplesOf(picture, x, y));
    }
  return unit(IDR_SLICE, bits.end());
}

const CHROMA = BLOCK / 2;

/** Brightness of each pixel, then both colours of each two by two (BT.601, limited range: never zero). */
function samplesOf(picture: Picture, left: number, top: number): Uint8Array {
  const samples = new Uint8Array(BLOCK * BLOCK + 2 * CHROMA * CHROMA);
  const [blue, red] = [BLOCK * BLOCK, BLOCK * BLOCK + CHROMA * CHROMA];
  for (let y = 0; y < BLOCK; y++)
    for (let x = 0; x < BLOCK; x++) {
      const [r, g, b] = pixelOf(picture, left + x, top + y);
      samples[y * BLOCK + x] = 16 + 0.257 * r + 0.504 * g + 0.098 * b;
      if (x % 2 > 0 || y % 2 > 0) continue;
      const at = (y / 2) * CHROMA + x / 2;
      samples[blue + at] = 128 - 0.148 * r - 0.291 * g + 0.439 * b;
      samples[red + at] = 128 + 0.439 * r - 0.368 * g - 0.071 * b;
    }
  return samples;
}

function pixelOf({ width, pixels }: Picture, x: number, y: number): [number, number, number] {
  const at = (y * width + x) * 3;
  return [pixels[at] ?? 0, pixels[at + 1] ?? 0, pixels[at + 2] ?? 0];
}

/** Nothing in it looks like a start code (H.264 §7.4.1.1): no sample is zero. */
const unit = (type: number, payload: Uint8Array): Buffer => Buffer.concat([Buffer.of(type), payload]);
