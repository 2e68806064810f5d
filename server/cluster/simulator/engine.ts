import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Fault, faults, parseFaults } from './faults.ts';
import { Metrics } from './metrics.ts';
import type { SimulatorOptions } from './options.ts';
import { openPace, type Pace } from './pace.ts';
import { personalities } from './personalities/index.ts';
import type { Personality, State } from './personalities/personality.ts';
import { openRandom } from './random.ts';
import { Refusal } from './refusal.ts';
import { SimResponse } from './sim-response.ts';
import { openTally, type Tally } from './tally.ts';
import { Turns } from './turns.ts';

/** What all requests of one simulator share. */
export interface Engine {
  /** May change while it runs. */
  options: SimulatorOptions;
  readonly personality: Personality;
  metrics: Metrics;
  turns: Turns;
  tally: Tally;
  print(line: string): void;
  /** What this request is to suffer; the header goes before the option. */
  faultsOf(request: IncomingMessage): Fault[];
  /** How fast one request is answered. */
  paceOf(response: ServerResponse): Pace;
  state(isLoaded: boolean): State;
}

const UNCOUNTED: Tally = { begin: () => ({ sending() {}, sent() {} }) };

export function openEngine(given: SimulatorOptions, print: (line: string) => void): Engine {
  const options = { ...given };
  const random = openRandom(options.seed);
  const startedAt = Date.now();
  const metrics = new Metrics();
  const turns = new Turns(options);
  let paces = 0;
  return {
    options,
    get personality() {
      return personalities[options.personality];
    },
    metrics,
    turns,
    tally: options.tally === undefined ? UNCOUNTED : openTally(options.tally),
    print,
    faultsOf(request) {
      const asked = request.headers['x-sim-fail'];
      const wanted = typeof asked === 'string' ? readHeader(asked) : options.fail;
      return wanted.filter(({ rate }) => random() < rate);
    },
    paceOf(response) {
      const slow = response instanceof SimResponse ? response.faultOf('slow') : undefined;
      const factor = Number(slow?.detail ?? 1);
      return openPace(options, { turns, seed: options.seed + ++paces, factor });
    },
    state: (isLoaded) => ({ model: servedName(options), isLoaded, options, metrics, turns, startedAt }),
  };
}

const OTHER_NAME = 'other-model';

type Names = Pick<SimulatorOptions, 'model' | 'listedModel' | 'fail'>;

/** The name it goes by, which is the wrong one where it is told to. */
export const servedName = ({ model, listedModel = 'sim', fail }: Names): string =>
  fail.some(({ kind }) => kind === 'wrong-name') ? OTHER_NAME : (model ?? listedModel);

function readHeader(text: string): Fault[] {
  let asked: Fault[];
  try {
    asked = parseFaults(text);
  } catch (error) {
    throw new Refusal(400, `x-sim-fail: ${error instanceof Error ? error.message : error}`);
  }
  const wrong = asked.find(({ kind }) => !Object.hasOwn(faults, kind));
  if (wrong) throw new Refusal(400, `x-sim-fail: "${wrong.kind}" is for the whole engine: say --fail ${wrong.kind}.`);
  return asked;
}
