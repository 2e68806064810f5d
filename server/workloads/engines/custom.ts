import { modelCategories } from '../../../sdk/contract/index.ts';
import type { Engine } from './engine.ts';

/** Stands for "no image": a command of a local region. */
export const NO_IMAGE = 'none';

/** Whatever nothing is known of: it is told HOST and PORT in its environment, and the rest by the launch. */
export const custom: Engine = {
  name: 'custom',
  image: NO_IMAGE,
  pattern: /$/,
  binary: null,
  program: [],
  entry: [],
  port: 8000,
  healthPath: '/health',
  metrics: null,
  categories: modelCategories,
  names: { flag: null },
  usage: 'final',
  gpusMax: Number.POSITIVE_INFINITY,
  env: {},
  args: () => [],
  note: null,
};
