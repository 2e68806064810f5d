/** Follows one kind of audio through its bytes, in chunks of any size. */
export interface Track {
  add(chunk: Buffer): void;
  /** Milliseconds so far; undefined: the bytes do not tell. */
  ms(): number | undefined;
}
