const ID = /"id" ?: ?"([^"\\]{1,128})"/;
const LOOK_BYTES = 512;

/** The id that an engine gave its answer: kept as a remark, never as a key, as engines give the same one twice. */
export function findUpstreamId(bytes: Buffer): string | null {
  return ID.exec(bytes.toString('latin1', 0, LOOK_BYTES))?.[1] ?? null;
}
