import { z } from 'zod';

export const PAGE_LIMIT_DEFAULT = 50;
export const PAGE_LIMIT_MAX = 500;

/** Query fields of every list: newest first, `after` is the `next` of the page before. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(PAGE_LIMIT_MAX).default(PAGE_LIMIT_DEFAULT).describe('Rows in a page.'),
  after: z.string().max(200).optional().describe('`next` of the page before.'),
});
export type PageQuery = z.output<typeof PageQuery>;

export interface PageOf<T> {
  object: 'list';
  data: T[];
  next: string | null;
}

/** A page of rows; `next` is null on the last one. */
export function page<T extends z.ZodType>(row: T) {
  return z.object({
    object: z.literal('list'),
    data: z.array(row),
    next: z.string().nullable().describe('Give it as `after` to read on; null on the last page.'),
  });
}
