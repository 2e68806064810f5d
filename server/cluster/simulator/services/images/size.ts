import { Refusal } from '../../refusal.ts';
import type { Fields } from '../fields.ts';

export interface Size {
  width: number;
  height: number;
}

const SIDE_USUAL = 1024;
const SIDE_MIN = 16;
const SIDE_MAX = 2048;

/** `size` as `WxH` in pixels. */
export function readSize({ size = 'auto' }: Fields): Size {
  if (size === 'auto' || size === null) return { width: SIDE_USUAL, height: SIDE_USUAL };
  const [, width, height] = /^(\d{1,5})x(\d{1,5})$/.exec(String(size)) ?? [];
  const [w, h] = [Number(width), Number(height)];
  if (w >= SIDE_MIN && w <= SIDE_MAX && h >= SIDE_MIN && h <= SIDE_MAX) return { width: w, height: h };
  throw new Refusal(400, `size: must be WxH, each from ${SIDE_MIN} to ${SIDE_MAX}, like "1024x768".`, 'size');
}

const MULTIPLE = 16;

export const floorToMultiple = ({ width, height }: Size): Size => ({
  width: width - (width % MULTIPLE),
  height: height - (height % MULTIPLE),
});
