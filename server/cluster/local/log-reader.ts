import { type FileHandle, open } from 'node:fs/promises';
import { logFiles } from './log-file.ts';

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** Where a follower goes on reading. */
export interface Place {
  inode: number;
  offset: number;
}

/** The last whole lines of a run, oldest first, and the place behind them. */
export async function readTail(folder: string, run: number, count: number): Promise<{ lines: string[]; place: Place }> {
  const place: Place = { inode: 0, offset: 0 };
  const lines: string[] = [];
  for (const [age, path] of logFiles(folder, run).entries()) {
    await using file = await openIfThere(path);
    if (!file) continue;
    const { ino, size } = await file.stat();
    if (age === 0) Object.assign(place, { inode: ino, offset: size });
    if (lines.length < count) lines.unshift(...(await readLast(file, size, count - lines.length)));
  }
  return { lines, place };
}

/** From the end backwards, block by block, until there are so many lines. */
async function readLast(file: FileHandle, size: number, count: number): Promise<string[]> {
  const blocks: Buffer[] = [];
  let newlines = 0;
  let start = size;
  while (start > 0 && newlines <= count) {
    const from = Math.max(0, start - BLOCK_BYTES);
    const block = await readBlock(file, from, start - from);
    blocks.unshift(block);
    newlines += block.reduce((sum, byte) => sum + Number(byte === NEWLINE), 0);
    start = from;
  }
  const lines = Buffer.concat(blocks).toString('utf8').split('\n').slice(0, -1);
  return lines.slice(Math.max(0, lines.length - count));
}

/** Whole lines that were written since `place`, which moves on; a file that was rotated away is read to its end first. */
export async function readOn(folder: string, run: number, place: Place): Promise<string[]> {
  const [newest = '', ...older] = logFiles(folder, run);
  await using file = await openIfThere(newest);
  if (!file) return [];
  const { ino } = await file.stat();
  if (place.inode === ino) return await readFrom(file, place); // awaited here: the file is closed on return
  const rest = place.inode === 0 ? [] : await readRotated(older, place);
  Object.assign(place, { inode: ino, offset: 0 });
  return [...rest, ...(await readFrom(file, place))];
}

async function readRotated(paths: readonly string[], place: Place): Promise<string[]> {
  for (const path of paths) {
    await using file = await openIfThere(path);
    if (file && (await file.stat()).ino === place.inode) return await readFrom(file, place);
  }
  return [];
}

const READ_ON_MAX_BYTES = 4 * 1024 * 1024;

async function readFrom(file: FileHandle, place: Place): Promise<string[]> {
  const { size } = await file.stat();
  const bytes = await readBlock(file, place.offset, Math.min(size - place.offset, READ_ON_MAX_BYTES));
  const end = bytes.lastIndexOf(NEWLINE) + 1;
  place.offset += end;
  return end === 0 ? [] : bytes.toString('utf8', 0, end - 1).split('\n');
}

async function readBlock(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(Math.max(0, length));
  const { bytesRead } = await file.read({ buffer, position });
  return buffer.subarray(0, bytesRead);
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path);
  } catch {
    return undefined;
  }
}
