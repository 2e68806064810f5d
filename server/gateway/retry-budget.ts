const RETRY_SHARE = 0.2;
const RETRY_BURST = 50;

/** Lets retries be at most a fifth of the traffic, so that a brown-out does not become an outage. */
export class RetryBudget {
  #tokens = RETRY_BURST;

  noteRequest(): void {
    this.#tokens = Math.min(RETRY_BURST, this.#tokens + RETRY_SHARE);
  }

  /** Whether one more retry is affordable; takes it if so. */
  take(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
