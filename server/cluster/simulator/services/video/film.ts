import { draw } from '../images/draw.ts';
import type { Picture } from '../images/png.ts';

const WIDTH = 128;
const HEIGHT = 80;
const STEP_PIXELS = 2;

/** A picture that slides by, frame after frame. */
export function film(seed: string, frames: number): Picture[] {
  const picture = draw(seed, WIDTH, HEIGHT);
  return Array.from({ length: frames }, (_, index) => slide(picture, index * STEP_PIXELS));
}

/** What leaves on one side comes in on the other. */
function slide({ width, height, pixels }: Picture, by: number): Picture {
  const moved = new Uint8Array(pixels.length);
  const stride = width * 3;
  const shift = (by % width) * 3;
  for (let at = 0; at < pixels.length; at += stride) {
    moved.set(pixels.subarray(at + shift, at + stride), at);
    moved.set(pixels.subarray(at, at + shift), at + stride - shift);
  }
  return { width, height, pixels: moved };
}
