/** How something that was done is put back, and what to type where that fails. */
export interface Step {
  command: string;
  /** Puts it back, and says in a sentence what is now. */
  undo(): Promise<string>;
}

/** What a deploy has done so far and would have to put back. */
export class Undo {
  readonly #steps: Step[] = [];

  push(step: Step): void {
    this.#steps.push(step);
  }

  /** All that was done stays. */
  forget(): void {
    this.#steps.length = 0;
  }

  /** What to type to put back what has not been yet, last first. */
  get commands(): string[] {
    return this.#steps.map(({ command }) => command).reverse();
  }

  /** Puts all back, last first; what cannot be is named with its command and hinders no other. */
  async putBack(note: (text: string) => void): Promise<void> {
    const failed: Step[] = [];
    for (let step = this.#steps.at(-1); step; step = this.#steps.at(-1)) {
      try {
        note(await step.undo());
      } catch (error) {
        failed.unshift(step);
        note(`Not put back (${error instanceof Error ? error.message : error}): ${step.command}`);
      }
      this.#steps.pop();
    }
    this.#steps.push(...failed);
  }
}
