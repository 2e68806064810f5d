import { readdirSync, readFileSync } from 'node:fs';

/** Processes, zombies left out, that have this text in their command line or environment. */
export function findProcesses(mark: string): { pid: number; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const [command, environment, stat] = ['cmdline', 'environ', 'stat'].map((file) =>
          readFileSync(`/proc/${name}/${file}`, 'utf8'),
        );
        const isZombie = / Z /.test(String(stat).slice(String(stat).lastIndexOf(')')));
        return !isZombie && `${command}\0${environment}`.includes(mark)
          ? [{ pid: Number(name), command: String(command).replaceAll('\0', ' ') }]
          : [];
      } catch {
        return []; // ended while we looked
      }
    });
}
