import { hashText, openRandom } from '../../random.ts';
import type { Picture } from './png.ts';

const DISCS = 5;

type Colour = readonly [number, number, number];

interface Disc {
  x: number;
  y: number;
  radius: number;
  colour: Colour;
}

/** Discs before a sky that goes from one colour into another. The same text gives the same picture. */
export function draw(seed: string, width: number, height: number): Picture {
  const random = openRandom(hashText(seed));
  const [top, bottom] = [anyColour(random), anyColour(random)];
  const discs = Array.from({ length: DISCS }, () => anyDisc(random, width, height));
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const row = pixels.subarray(y * width * 3, (y + 1) * width * 3);
    fill(row, mix(top, bottom, y / height), 0, width);
    for (const disc of discs) drawRow(row, disc, y);
  }
  return { width, height, pixels };
}

const anyColour = (random: () => number): Colour => [random() * 255, random() * 255, random() * 255];

function anyDisc(random: () => number, width: number, height: number): Disc {
  const radius = (0.05 + random() * 0.2) * Math.min(width, height);
  return { x: random() * width, y: random() * height, radius, colour: anyColour(random) };
}

const mix = ([r1, g1, b1]: Colour, [r2, g2, b2]: Colour, share: number): Colour => [
  r1 + (r2 - r1) * share,
  g1 + (g2 - g1) * share,
  b1 + (b2 - b1) * share,
];

/** The part of a row that lies within the disc. */
function drawRow(row: Uint8Array, { x, y, radius, colour }: Disc, at: number): void {
  const half = Math.sqrt(radius ** 2 - (at - y) ** 2);
  if (Number.isNaN(half)) return;
  fill(row, colour, Math.max(0, Math.round(x - half)), Math.min(row.length / 3, Math.round(x + half)));
}

function fill(row: Uint8Array, [r, g, b]: Colour, from: number, to: number): void {
  for (let x = from; x < to; x++) {
    row[x * 3] = r;
    row[x * 3 + 1] = g;
    row[x * 3 + 2] = b;
  }
}
