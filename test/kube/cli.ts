import { parseArgs } from 'node:util';
import { addFault, clearFaults, killPod, parseFault } from './faults.ts';
import { kubectl } from './kubectl.ts';
import { DEFAULTS, type RigOptions } from './options.ts';
import { down, pause, resume, start, status, stop, up } from './rig.ts';
import { tokenKubeconfig } from './tokens.ts';

const USAGE = `kube up <dir> [--regions 2|eu-1,us-2] [--nodes h100:8x2,a100:8x1] [--run <image pattern>=<command>]… [options]
kube down <dir> [--remove]
kube status <dir>
kube stop <dir> <region> <component> [--force]   kube start <dir> <region> <component>
kube pause <dir> <region> <component>            kube resume <dir> <region> <component>
kube fault <dir> <region> <fault>[:<arg>] [--image re] [--pod re] [--node re]   kube fault <dir> <region> clear
kube kill <dir> <region> <namespace>/<pod> [--oom]
kube token <dir> <region> <namespace> <service account>
kube kubectl <dir> <region> …`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

const OPTIONS = {
  regions: text,
  nodes: text,
  'scale-nodes': text,
  volumes: text,
  taint: flag,
  run: { type: 'string', multiple: true },
  'pod-net': text,
  'crash-backoff-max': text,
  'node-grace': text,
  toleration: text,
  owner: text,
  remove: flag,
  force: flag,
  oom: flag,
  image: text,
  pod: text,
  node: text,
} as const;

type Values = ReturnType<typeof parse>['values'];
type Words = [region?: string, what?: string, account?: string];
type Command = (dir: string, words: Required<Words>, values: Values) => unknown;

const commands: Readonly<Record<string, Command>> = {
  up: async (dir, _words, values) => summary(await up(dir, rigOptions(values))),
  down: (dir, _words, { remove = false }) => down(dir, { remove }),
  status,
  stop: (dir, [region, component], { force = false }) => stop(dir, region, component, { force }),
  start: (dir, [region, component]) => start(dir, region, component),
  pause: (dir, [region, component]) => pause(dir, region, component),
  resume: (dir, [region, component]) => resume(dir, region, component),
  fault: (dir, [region, fault], { image, pod, node }) =>
    fault === 'clear' ? clearFaults(dir, region) : addFault(dir, region, { ...parseFault(fault), image, pod, node }),
  kill: async (dir, [region, pod], { oom }) => ({
    killed: await killPod(dir, region, { pod, reason: oom ? 'OOMKilled' : 'Error' }),
  }),
  token: (dir, [region, namespace, account]) => tokenKubeconfig(dir, region, { namespace, account }),
};

async function run([name, dir, ...rest]: string[]): Promise<number> {
  if (name === 'kubectl' && dir !== undefined && rest[0] !== undefined)
    return kubectl(dir, rest[0], rest.slice(1), { stdio: 'inherit' }).status ?? 1;
  const command = commands[name ?? ''];
  if (!command || dir === undefined) throw new Error(USAGE);
  const { values, positionals } = parse(rest);
  const [region = '', what = '', account = ''] = positionals;
  const result = await command(dir, [region, what, account], values);
  if (result !== undefined)
    process.stdout.write(`${typeof result === 'string' ? result : JSON.stringify(result, null, 2)}\n`);
  return 0;
}

function parse(args: string[]) {
  return parseArgs({ args, allowPositionals: true, options: OPTIONS });
}

/** Only those that were given: the others are the defaults' or, of a rig that is there, its own. */
function rigOptions(values: Values): Partial<RigOptions> {
  const given = Object.entries(values).map(([name, value]): [string, unknown] => {
    const option = name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    return [option, typeof DEFAULTS[option as keyof RigOptions] === 'number' ? Number(value) : value];
  });
  return Object.fromEntries(given.filter(([option]) => option in DEFAULTS));
}

const summary = ({ dir, startSeconds, regions }: Awaited<ReturnType<typeof up>>) => ({
  dir,
  start_seconds: Math.round(startSeconds * 10) / 10,
  regions: regions.map(({ name, server, kubeconfig, podNet, nodes, pids }) => ({
    name,
    server,
    kubeconfig,
    pods: `${podNet}.0.0/16`,
    nodes: nodes.map((node) => node.name),
    pids: Object.fromEntries(Object.entries(pids).map(([component, { pid }]) => [component, pid])),
  })),
});

run(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  },
);
