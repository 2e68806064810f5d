import type { IncomingMessage } from 'node:http';
import { type Fault, parseFault } from './faults.ts';
import { Metrics } from './metrics.ts';
import type { SimulatorOptions } from './options.ts';
import { openRandom } from './random.ts';
import { openTally, type Tally } from './tally.ts';
import { Turns } from './turns.ts';

/** What all requests of one simulator share. */
export interface Engine {
  options: SimulatorOptions;
  metrics: Metrics;
  turns: Turns;
  tally: Tally;
  print(line: string): void;
  /** What this request is to suffer; the header goes before the option. */
  faultOf(request: IncomingMessage): Fault | undefined;
}

const UNCOUNTED: Tally = { begin: () => ({ sending() {}, sent() {} }) };

export function openEngine(options: SimulatorOptions, print: (line: string) => void): Engine {
  const random = openRandom(options.seed);
  return {
    options,
    metrics: new Metrics(),
    turns: new Turns(options.maxRunning),
    tally: options.tally === undefined ? UNCOUNTED : openTally(options.tally),
    print,
    faultOf(request) {
      const asked = request.headers['x-sim-fail'];
      const fault = typeof asked === 'string' ? parseFault(asked) : options.fail;
      return fault && random() < fault.rate ? fault : undefined;
    },
  };
}
