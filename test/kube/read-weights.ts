import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runSimulator } from '../../server/cluster/simulator/run.ts';

// Stands for an engine that is told `<path of weights> --flags…`: reads them before it serves, and says what they are.
// Pods of the rig have no mounts of their own: it tells which folders stand for them.
const mounts: Record<string, string> = JSON.parse(process.env.KUBE_RIG_MOUNTS ?? '{}');
const [weights = ''] = process.argv.slice(2);
const [mount, folder] = Object.entries(mounts).find(([path]) => weights.startsWith(`${path}/`)) ?? [];
if (mount === undefined || folder === undefined) throw new Error(`${weights} is below none of the mounts`);
const text = readFileSync(join(folder, weights.slice(mount.length), 'weights.txt'), 'utf8');
process.stdout.write(`loaded ${text} from ${weights}\n`);
process.exit(await runSimulator([]));
