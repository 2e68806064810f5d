import type { PageOf } from '../sdk/contract/index.ts';

/** A page of at most `limit` out of rows of which one more was asked for than fits. */
export function pageOf<Row, View>(
  rows: Row[],
  limit: number,
  cursor: (row: Row) => string,
  view: (row: Row) => View,
): PageOf<View> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    object: 'list',
    data: shown.map(view),
    next: rows.length > limit && last !== undefined ? cursor(last) : null,
  };
}

/** A list that is short by nature, whole. */
export function wholeList<View>(data: View[]): { object: 'list'; data: View[]; next: null } {
  return { object: 'list', data, next: null };
}
