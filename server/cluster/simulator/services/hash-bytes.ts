import { createHash } from 'node:crypto';

/** A 32-bit number of bytes, however many. */
export const hashBytes = (bytes: Buffer): number => createHash('sha256').update(bytes).digest().readUInt32LE();
