import type { Model } from '../sdk/index.ts';
import type { Columns } from './table.ts';
import { formatAge } from './time.ts';

/** Where the weights live, in one word. */
export function sourceText({ source }: Pick<Model, 'source'>): string {
  switch (source.type) {
    case 'huggingface':
      return `hf:${source.repo}@${source.revision}`;
    case 'filesystem':
      return `${source.filesystem}:${source.path}`;
    case 'platform':
      return `platform:${source.platform_model}`;
    case 'image':
      return 'image';
  }
}

export const modelColumns: Columns<Model> = {
  NAME: ({ name }) => name,
  ID: ({ id }) => id,
  CATEGORY: ({ category }) => category,
  SOURCE: sourceText,
  AGE: ({ created_at }) => formatAge(created_at),
};
