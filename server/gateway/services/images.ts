import { typed } from '../answers/dialect.ts';
import type { StreamEvent } from '../answers/stream-event.ts';
import { CHOICES_MAX, type JsonBody } from '../bodies/json-body.ts';
import type { MultipartBody } from '../bodies/multipart-body.ts';
import { MemberScan } from '../counting/member-scan.ts';
import { type MeteredCounts, NOTHING, toUsage } from '../counting/usage.ts';
import type { EventTally, Service, WholeTally } from './service.ts';

/** Images out; tokens only where the engine tells them. */
export const images: Service<JsonBody> = {
  answer: 'json',
  dialect: typed,
  hasStreamOptions: false,
  check() {},
  asksForEvents: ({ stream }) => stream,
  atMost: ({ choices }) => ({ ...NOTHING, images: choices }),
  tallyWhole: ({ choices }) => new ImageTally(choices),
  tallyEvents: () => new ImageEvents(),
};

export const imageEdits: Service<MultipartBody> = {
  answer: 'json',
  dialect: typed,
  hasStreamOptions: false,
  check() {},
  asksForEvents: ({ stream }) => stream,
  atMost: (body) => ({ ...NOTHING, images: countOf(body) }),
  tallyWhole: (body) => new ImageTally(countOf(body)),
  tallyEvents: () => new ImageEvents(),
};

function countOf(body: MultipartBody): number {
  const n = Number(body.text('n') ?? 1);
  return Number.isInteger(n) && n > 0 ? Math.min(n, CHOICES_MAX) : 1;
}

/** Counts the entries of `data`; where there is no such list, what was asked for. */
class ImageTally implements WholeTally {
  readonly #asked: number;
  readonly #scan = new MemberScan();
  #isWhole = false;

  constructor(asked: number) {
    this.#asked = asked;
  }

  note(chunk: Buffer): void {
    this.#scan.add(chunk);
  }

  end(): void {
    this.#isWhole = true;
  }

  counts(): MeteredCounts {
    const begun = this.#scan.length('data');
    const estimated = begun === undefined || !this.#isWhole;
    return { ...NOTHING, ...toUsage(this.#scan.value('usage')), images: begun ?? this.#asked, estimated };
  }
}

/** Counts the images that are complete; of one that was cut off, only parts have been seen. */
class ImageEvents implements EventTally {
  #images = 0;
  #hasPart = false;
  #usage: StreamEvent['usage'];

  note({ isFinished, hasContent, usage }: StreamEvent): void {
    if (isFinished) this.#images++;
    this.#hasPart = hasContent && !isFinished;
    this.#usage = usage ?? this.#usage;
  }

  counts(): MeteredCounts {
    return { ...NOTHING, ...this.#usage, images: this.#images + Number(this.#hasPart), estimated: this.#hasPart };
  }
}
