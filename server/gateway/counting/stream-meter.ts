import type { TokenCounts } from '../../billing/price.ts';
import type { EventTally } from '../services/service.ts';
import { estimateTokens, type MeteredCounts, NOTHING } from './usage.ts';

/** Adds up what the events of a stream say about usage, and counts for itself in case they say nothing. */
export class StreamMeter implements EventTally {
  readonly #promptBytes: number;
  #contentEvents = 0;
  /** Of them, those since the engine last said how many tokens there were. */
  #uncounted = 0;
  #input: TokenCounts | undefined;
  #total: TokenCounts | undefined;
  /** Most output tokens seen, by `choices[].index`. */
  #byChoice: number[] = [];

  constructor(promptBytes: number) {
    this.#promptBytes = promptBytes;
  }

  note(event: { usage: TokenCounts | undefined; choice: number | undefined; hasContent: boolean }): void {
    if (event.hasContent) this.#contentEvents++;
    if (event.hasContent) this.#uncounted++;
    if (!event.usage) return;
    this.#uncounted = 0;
    const { output_tokens } = event.usage;
    if (event.choice === undefined) this.#total = event.usage;
    else {
      this.#input = event.usage;
      this.#byChoice[event.choice] = Math.max(this.#byChoice[event.choice] ?? 0, output_tokens);
      if (this.#total && output_tokens > this.#total.output_tokens) this.#total = undefined; // it was not the final one
    }
  }

  /** What has been used so far. A final total goes before the sum of what the choices had reached. */
  counts(): MeteredCounts {
    const told = this.#total ?? this.#sum();
    if (!told) return this.#contentEvents === 0 ? NOTHING : this.#estimate();
    return { ...told, output_tokens: told.output_tokens + this.#uncounted, estimated: this.#uncounted > 0 };
  }

  #sum(): TokenCounts | undefined {
    if (!this.#input) return undefined;
    return { ...this.#input, output_tokens: this.#byChoice.reduce((sum, tokens) => sum + tokens, 0) }; // skips choices not seen yet
  }

  #estimate(): MeteredCounts {
    const input_tokens = estimateTokens(this.#promptBytes);
    return { input_tokens, cached_input_tokens: 0, output_tokens: this.#contentEvents, estimated: true };
  }
}
