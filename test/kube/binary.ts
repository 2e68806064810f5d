import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('rig', import.meta.url));

/** The rig's one program, built if these sources have not been yet: minutes, once. */
export function rigBinary(): string {
  return join(execFileSync(join(folder, 'build.sh'), { encoding: 'utf8' }).trim(), 'kube-rig');
}

function isBuilt(): boolean {
  try {
    execFileSync(join(folder, 'build.sh'), ['--check'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const GO_MINOR_MIN = 26; // of Go 1

/** Why the rig cannot run on this machine; undefined where it can. */
export function whyNoRigHere(): string | undefined {
  if (process.platform !== 'linux') return 'the Kubernetes rig needs Linux';
  if (process.getuid?.() !== 0) return 'the Kubernetes rig needs root: kubelets read /dev/kmsg';
  if (!isReadable('/dev/kmsg')) return 'the Kubernetes rig needs /dev/kmsg, which kubelets read';
  if (isBuilt()) return undefined;
  const minor = goMinor();
  if (minor === undefined) return 'the Kubernetes rig is not built, and there is no Go to build it';
  return minor < GO_MINOR_MIN ? `Go 1.${GO_MINOR_MIN} must build the Kubernetes rig; here is 1.${minor}` : undefined;
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function goMinor(): number | undefined {
  try {
    const [, minor] = /go1\.(\d+)/.exec(execFileSync('go', ['version'], { encoding: 'utf8' })) ?? [];
    return Number(minor);
  } catch {
    return undefined;
  }
}
