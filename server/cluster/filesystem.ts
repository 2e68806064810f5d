import { posix } from 'node:path';
import { z } from 'zod';

/** What models say; names of objects in clusters are made of it. */
export const FilesystemName = z
  .string()
  .regex(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/, 'must begin with a letter and hold at most 40 of a-z, 0-9 and "-"');

/** Where a folder is, written in the one way there is: from `/`, without `.`, `..`, empty names and a `/` at its end. */
export const FolderPath = z
  .string()
  .max(400)
  .refine((path) => isNormal(path), 'must begin with "/", and hold no "." or "..", no "//" and no "/" at its end');

const isNormal = (path: string) => /^\/.*[^/]$/s.test(path) && !path.includes('\0') && posix.normalize(path) === path;

/** Inside the folder, not the folder itself. */
export const isBelow = (folder: string, path: string): boolean => isNormal(path) && path.startsWith(`${folder}/`);
