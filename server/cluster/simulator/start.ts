import { dispatch } from './dispatch.ts';
import { findPort, openDoor, urlOf } from './door.ts';
import { type Engine, openEngine } from './engine.ts';
import { openLoading } from './loading.ts';
import { parseOptions, type SimulatorOptions } from './options.ts';

export interface Simulator extends AsyncDisposable {
  url: string;
  port: number;
  /** Resolves when it is ready to serve; what it was told to suffer while loading is thrown. */
  loaded: Promise<void>;
  /** Accepts no more, and resolves when every answer under way has ended. */
  drain(): Promise<void>;
}

/** An engine that loads and listens as its personality does, and is closed with its scope. Its port is known at once. */
export async function startSimulator(
  options: Partial<SimulatorOptions> = {},
  print: (line: string) => void = () => {},
): Promise<Simulator> {
  const engine = openEngine({ ...parseOptions([]), port: 0, ...options }, print);
  const closing = new AbortController();
  const door = openDoor(engine, (exchange) => dispatch(engine, loading, exchange));
  const listensAfter = shareBefore(engine);
  const port = await (listensAfter === 0 ? door.open(engine.options.port) : findPort(engine.options));
  const loading = openLoading(engine, closing.signal, async (share) => {
    if (share >= listensAfter && listensAfter > 0) await door.open(port);
  });
  const loaded = engine.personality.whileLoading === 'load first' ? Promise.resolve() : loading.start();
  loaded.catch(() => {}); // whoever waits is told
  return {
    url: urlOf(engine.options, port),
    port,
    loaded,
    drain: door.drain,
    async [Symbol.asyncDispose]() {
      closing.abort();
      await loaded.catch(() => {});
      await door[Symbol.asyncDispose]();
    },
  };
}

/** Share of the loading after which it listens. */
function shareBefore({ options, personality }: Engine): number {
  if (options.bind !== undefined) return options.bind === 'early' ? 0 : 1;
  return personality.listensAfter;
}
