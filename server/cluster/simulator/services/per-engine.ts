import type { Engine } from '../engine.ts';

/** One value for each engine, made when it is first asked for and gone with it. */
export function perEngine<T>(open: (engine: Engine) => T): (engine: Engine) => T {
  const values = new WeakMap<Engine, T>();
  return (engine) => {
    const known = values.get(engine);
    if (known !== undefined) return known;
    const value = open(engine);
    values.set(engine, value);
    return value;
  };
}
