/** Bits in the order they are written, the highest of each byte first. */
export class BitWriter {
  readonly #bytes: number[];
  #open = 0;
  #count = 0;

  constructor(bytes: readonly number[] = []) {
    this.#bytes = [...bytes];
  }

  /** The lowest so many bits of a value. */
  bits(value: number, count: number): void {
    for (let at = count - 1; at >= 0; at--) this.#bit((value >> at) & 1);
  }

  /** An exponential Golomb code, as H.264 has it for most numbers. */
  golomb(value: number): void {
    const length = 32 - Math.clz32(value + 1);
    this.bits(0, length - 1);
    this.bits(value + 1, length);
  }

  /** Whole bytes, from the next whole byte on. */
  bytes(bytes: Uint8Array): void {
    this.#align();
    for (const byte of bytes) this.#bytes.push(byte);
  }

  /** All of it, closed by a one and zeros. */
  end(): Uint8Array {
    this.#bit(1);
    this.#align();
    return Uint8Array.from(this.#bytes);
  }

  #bit(bit: number): void {
    this.#open = (this.#open << 1) | bit;
    if (++this.#count < 8) return;
    this.#bytes.push(this.#open);
    this.#open = 0;
    this.#count = 0;
  }

  #align(): void {
    while (this.#count > 0) this.#bit(0);
  }
}
