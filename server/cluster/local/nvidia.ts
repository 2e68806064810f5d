import { execFile } from 'node:child_process';
import { gpuType } from './gpu-type.ts';

/** One GPU of this machine. */
export interface Device {
  uuid: string;
  /** In the order of the PCI bus. */
  index: number;
  /** Our name for its type, like `h100`. */
  type: string;
  /** As its maker calls it. */
  name: string;
  /** Null where it shares the memory of the machine. */
  memory_mib: number | null;
}

export interface Devices {
  devices: readonly Device[];
  /** Why there are none, or not all that are there, in one sentence; null where all is well. */
  problem: string | null;
}

const QUERY = ['--query-gpu=index,uuid,name,memory.total,mig.mode.current', '--format=csv,noheader,nounits'];
const TIMEOUT_MS = 5_000;
const OUTPUT_MAX_BYTES = 256 * 1024;

/** Asks `nvidia-smi` for the GPUs of this machine. Never throws: without it, or when it fails or hangs, there are none. */
export function findDevices(env: NodeJS.ProcessEnv = process.env, timeoutMs = TIMEOUT_MS): Promise<Devices> {
  const options = { env, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: OUTPUT_MAX_BYTES } as const;
  return new Promise((resolve) => {
    execFile('nvidia-smi', QUERY, options, (error, stdout, stderr) => {
      if (!error) resolve(parseDevices(stdout));
      else if (error.code === 'ENOENT') resolve({ devices: [], problem: 'There is no nvidia-smi on this machine.' });
      else if (error.killed) resolve(none(`nvidia-smi had no answer within ${timeoutMs / 1000} s`));
      else resolve(none(`nvidia-smi failed: ${firstLine(stdout) || firstLine(stderr) || error.message}`));
    });
  });
}

const none = (why: string): Devices => ({ devices: [], problem: why.endsWith('.') ? why : `${why}.` });
const firstLine = (text: string) => text.trim().split('\n')[0]?.trim() ?? '';

/** Lines of devices, among which it may complain of others. */
export function parseDevices(output: string): Devices {
  const lines = output.split('\n').map((line) => line.trim());
  const rows = lines.filter((line) => line !== '').map(parseRow);
  const devices = rows.flatMap((row) => (typeof row === 'string' ? [] : [row]));
  const [problem = devices.length === 0 ? 'nvidia-smi knows of no GPU.' : null] = rows.filter(
    (row) => typeof row === 'string',
  );
  return { devices, problem };
}

/** A device, or what is wrong with it. */
function parseRow(line: string): Device | string {
  const [index = '', uuid = '', name = '', memory = '', mig = ''] = line.split(',').map((field) => field.trim());
  if (!/^\d+$/.test(index) || !/^GPU-[\w-]+$/.test(uuid)) return `nvidia-smi says: ${line}`;
  if (mig === 'Enabled') return `GPU ${index} is cut into MIG slices: name those in the configuration by their UUIDs.`;
  const memory_mib = /^\d+$/.test(memory) ? Number(memory) : null; // "[N/A]" where it is the machine's
  return { uuid, index: Number(index), type: gpuType(name), name, memory_mib };
}
