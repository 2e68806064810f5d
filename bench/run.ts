// Measures gateways side by side; see README.md and --help.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startEngine } from './engine.ts';
import { type Gateway, listGateways, openGateway } from './gateways.ts';
import { measure, measureQuietly } from './measure.ts';
import { build, HOME, Programs, progress } from './programs.ts';
import type { Result, Run } from './result.ts';
import { parseScenario, SCENARIOS, type Scenario } from './scenarios.ts';
import { tables } from './tables.ts';

/** Prime to the usual numbers of gateways, so that every round begins with another one. */
const ROTATION = 3;

const HELP = `npm run bench -- [options]
  --only a,b           these gateways (default: all of peers/peers.json and of --cases)
  --scenarios a,b      (default: ${SCENARIOS})
  --cases file.json    more gateways, see README.md
  --seconds n          measured window of a run (3)
  --rounds n           (3)
  --base name          ratios to (nginx)
  --peer name          and to (portkey)
  --out name           writes name.json and name.md (BENCH_HOME/results/<time>)
`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    scenarios: { type: 'string', default: SCENARIOS },
    cases: { type: 'string' },
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    base: { type: 'string', default: 'nginx' },
    peer: { type: 'string', default: 'portkey' },
    out: { type: 'string', default: join(HOME, 'results', new Date().toISOString().slice(0, 16).replace(':', '')) },
    help: { type: 'boolean', default: false },
  },
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
if (options.help) process.stdout.write(HELP);
else await bench();

async function bench(): Promise<void> {
  const scenarios = options.scenarios.split(',').map(parseScenario);
  const wanted = listGateways(options.cases, options.only?.split(','));
  build();
  await using programs = new Programs();
  const engine = await startEngine(programs);
  const gateways: Gateway[] = [];
  for (const gateway of wanted) gateways.push(await openGateway(gateway, programs));
  for (const gateway of gateways) await warmUp(gateway, engine);
  const runs: Run[] = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    runs.push(...(await runRound(round, { gateways, scenarios, engine })));
    save(resultOf(gateways, scenarios, runs));
  }
  process.stdout.write(tables(resultOf(gateways, scenarios, runs)));
}

async function warmUp(gateway: Gateway, engine: number): Promise<void> {
  for (const name of ['json-c16', 'stream-50x20@5ms'])
    await measure(gateway, parseScenario(name), { seconds: 2, engine });
}

interface Bench {
  gateways: readonly Gateway[];
  scenarios: readonly Scenario[];
  engine: number;
}

/** Every scenario on every gateway, each round from another gateway on: what slows the machine does not always meet the same. */
async function runRound(round: number, { gateways, scenarios, engine }: Bench): Promise<Run[]> {
  const rounds = Number(options.rounds);
  const runs: Run[] = [];
  for (const scenario of scenarios.filter((s) => round >= rounds - (s.rounds ?? rounds))) {
    for (const gateway of rotate(gateways, round)) {
      if (gateway.skip.some((start) => scenario.name.startsWith(start))) continue;
      const measured = await measureQuietly(gateway, scenario, { seconds: Number(options.seconds), engine });
      runs.push({ round, scenario: scenario.name, gateway: gateway.name, ...measured });
    }
    progress(`round ${round + 1}/${rounds} ${scenario.name} done, load ${loadavg()[0]?.toFixed(2)}`);
  }
  return runs;
}

function rotate<T>(list: readonly T[], round: number): T[] {
  const first = (round * ROTATION) % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}

function resultOf(gateways: readonly Gateway[], scenarios: readonly Scenario[], runs: Run[]): Result {
  const cores = cpus();
  return {
    date: new Date().toISOString(),
    machine: {
      cpu: cores[0]?.model ?? 'unknown',
      cores: cores.length,
      memory_gb: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
    },
    options: { seconds: Number(options.seconds), base: options.base, peer: options.peer },
    gateways: gateways.map(({ name, version, cpus }) => ({ name, cpus, ...(version && { version }) })),
    scenarios: [...scenarios],
    runs,
  };
}

/** One line a run, so that results can be compared by eye. */
function save(result: Result): void {
  const out = resolve(options.out);
  mkdirSync(dirname(out), { recursive: true });
  const head = JSON.stringify({ ...result, runs: [] }, null, 1);
  const runs = result.runs.map((run) => JSON.stringify(run)).join(',\n');
  writeFileSync(`${out}.json`, `${head.replace('"runs": []', () => `"runs": [\n${runs}\n]`)}\n`);
  writeFileSync(`${out}.md`, tables(result));
}
