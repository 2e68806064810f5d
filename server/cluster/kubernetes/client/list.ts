import type { KubeObject } from '../objects.ts';
import { isExpired } from './api-error.ts';
import type { Connection } from './connection.ts';

export interface Selection {
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
}

export interface Listed<T> {
  items: T[];
  /** Where a watch goes on. */
  resourceVersion: string;
}

export interface ListOptions {
  signal?: AbortSignal | undefined;
  pageItems?: number | undefined;
}

interface ListDocument<T> {
  items?: T[];
  metadata: { resourceVersion: string; continue?: string };
}

const PAGE_ITEMS = 500;
const PAGES_MAX = 200;
const PAGE_TIMEOUT_MS = 15_000;

/** The whole collection, page by page. A page that has expired under way starts it again, once. */
export async function listAll<T extends KubeObject>(
  connection: Connection,
  path: string,
  selection: Selection = {},
  options: ListOptions = {},
): Promise<Listed<T>> {
  try {
    return await readPages(connection, path, selection, options);
  } catch (error) {
    if (!isExpired(error)) throw error;
    return readPages(connection, path, selection, options);
  }
}

async function readPages<T>(
  connection: Connection,
  path: string,
  selection: Selection,
  { signal, pageItems = PAGE_ITEMS }: ListOptions,
): Promise<Listed<T>> {
  const items: T[] = [];
  let token: string | undefined;
  for (let page = 0; page < PAGES_MAX; page++) {
    const query = { ...selection, limit: pageItems, continue: token };
    const document = await connection.json<ListDocument<T>>(path, { query, signal, timeoutMs: PAGE_TIMEOUT_MS });
    items.push(...(document.items ?? []));
    token = document.metadata.continue || undefined;
    if (token === undefined) return { items, resourceVersion: document.metadata.resourceVersion };
  }
  throw new Error(`${path} has more than ${PAGES_MAX * pageItems} objects`);
}
