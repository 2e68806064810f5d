import { parseOptions, type SimulatorOptions } from './options.ts';
import { startSimulator } from './start.ts';
import { usage } from './usage.ts';

/** Runs a simulator as a program: from flags and environment to SIGTERM, which lets the answers under way end. Gives the exit code. */
export async function runSimulator(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  const complain = (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? `ERROR ${error.message}` : error}\n`);
  };
  if (args.includes('--help')) {
    print(usage());
    return 0;
  }
  let options: SimulatorOptions;
  try {
    options = parseOptions(args, env);
  } catch (error) {
    complain(error);
    complain(usage());
    return 2;
  }
  try {
    await using simulator = await startSimulator(options, print);
    print(`INFO Listening on ${simulator.url}`);
    const stopped = firstSignal();
    await Promise.race([simulator.loaded, stopped]);
    await stopped;
    print('INFO Draining');
    await simulator.drain();
    return 0;
  } catch (error) {
    complain(error);
    return 1;
  }
}

const firstSignal = () =>
  new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
