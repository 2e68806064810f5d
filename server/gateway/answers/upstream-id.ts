const ID = /"id" ?: ?"([^"\\]{1,128})"/;
const LOOK_BYTES = 512;

/** The id that an engine gave its answer: kept as a remark, never as a key, as engines give the same one twice. */
export function findUpstreamId(bytes: Buffer): string | null {
  const found = ID.exec(bytes.toString('latin1', 0, LOOK_BYTES));
  if (!found?.[1]) return null;
  const end = found.index + found[0].length - 1;
  return bytes.toString('latin1', end - found[1].length, end); // a slice of the text would keep all of it in memory
}
