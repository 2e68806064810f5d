import { modelCategories } from '../../../sdk/contract/index.ts';
import type { Engine } from './engine.ts';

/** The built-in simulator: on any machine, without weights. It reads HOST and PORT. */
export const sim: Engine = {
  name: 'sim',
  image: 'ecolink/sim',
  pattern: /^ecolink\/sim(?=[:@]|$)/,
  binary: null,
  program: [],
  entry: [],
  port: 8000,
  healthPath: '/health',
  metrics: { path: '/metrics', flag: null },
  categories: modelCategories,
  names: null,
  usage: 'continuous',
  gpusMax: Number.POSITIVE_INFINITY,
  env: {},
  args: () => [],
  note: 'Invents its answers.',
};
