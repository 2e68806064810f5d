import { type Logger, pino } from 'pino';

export type Log = Logger;

const SECRETS = ['authorization', 'secret', 'token', 'api_key', 'password', 'cookie'];

/** JSON lines on stderr: stdout belongs to the command that started the server. Fields that hold secrets are never printed. */
export function openLog(level = 'info'): Log {
  const paths = SECRETS.flatMap((name) => [name, `*.${name}`]);
  return pino({ level, base: null, redact: { paths, censor: '[redacted]' } }, pino.destination({ fd: 2, sync: true }));
}
