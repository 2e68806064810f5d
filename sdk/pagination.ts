import { EcoError, type Endpoint, type Output, type PageOf, type Parsed } from './contract/index.ts';

/** What a caller may write into a query: all optional, as numbers and booleans rather than text. */
export type Query<E extends Endpoint> = { [K in keyof Parsed<E>]?: Parsed<E>[K] | undefined };
/** A row of a list endpoint. */
export type Row<E extends Endpoint> = Output<E> extends { data: (infer T)[] } ? T : never;

type LoadPage<T> = (after?: string) => Promise<Pick<PageOf<T>, 'data'> & Partial<Pick<PageOf<T>, 'next'>>>;

/** One page of a list: its rows, and the way to the next one. */
export class Page<T> {
  readonly data: T[];
  /** Give it as `after` to read on; null on the last page. */
  readonly next: string | null;
  readonly #load: LoadPage<T>;

  private constructor(data: T[], next: string | null, load: LoadPage<T>) {
    this.data = data;
    this.next = next;
    this.#load = load;
  }

  static async load<T>(load: LoadPage<T>, after?: string): Promise<Page<T>> {
    const { data, next = null } = await load(after);
    return new Page(data, next, load);
  }

  get hasNext(): boolean {
    return this.next !== null;
  }

  nextPage(): Promise<Page<T>> {
    if (this.next === null) throw new EcoError('not_found', 'This is the last page: ask hasNext first.');
    return Page.load(this.#load, this.next);
  }
}

/** `await` it for the first page, `for await` it for all rows of all pages. Nothing is sent before. */
export class Listing<T> implements PromiseLike<Page<T>>, AsyncIterable<T> {
  readonly #load: LoadPage<T>;
  #first: Promise<Page<T>> | undefined;

  constructor(load: LoadPage<T>) {
    this.#load = load;
  }

  // biome-ignore lint/suspicious/noThenProperty: that a list can be awaited is what this class is for
  then<A = Page<T>, B = never>(
    onPage?: ((page: Page<T>) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#firstPage().then(onPage, onError);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    let page = await this.#firstPage();
    yield* page.data;
    while (page.hasNext) {
      page = await page.nextPage();
      yield* page.data;
    }
  }

  #firstPage(): Promise<Page<T>> {
    this.#first ??= Page.load(this.#load);
    return this.#first;
  }
}
