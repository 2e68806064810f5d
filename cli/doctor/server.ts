import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { connect as connectTcp, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type Check, failed, ok, reasonOf, skipped, warning } from './check.ts';

const STEP_DEADLINE_MS = 5_000;
const SKEW_MAX_MS = 60_000;
const CERTIFICATE_LEFT_MIN_MS = 14 * 86_400_000;
const LOOPBACK = /^(localhost|127\.|\[?::1)/;

/** The way to the server, a step at a time: where one fails, the later ones are not tried. */
export async function* checkServer(baseUrl: string, ownVersion: string): AsyncGenerator<Check> {
  const url = new URL(baseUrl);
  const steps = [
    checkName,
    checkPort,
    ...(url.protocol === 'https:' ? [checkCertificate] : []),
    checkAnswer(ownVersion),
  ];
  for (const step of steps) {
    const checks = await step(url);
    yield* checks;
    if (checks.some(({ state }) => state === 'failed'))
      return yield skipped('account', 'not asked, as the server is not reached');
  }
}

const hostOf = ({ hostname }: URL) => hostname.replace(/^\[|\]$/g, '');
const portOf = ({ port, protocol }: URL) => Number(port) || (protocol === 'https:' ? 443 : 80);

async function checkName(url: URL): Promise<Check[]> {
  const host = hostOf(url);
  if (isIP(host)) return [];
  try {
    const { address } = await inTime(lookup(host));
    return [ok('dns', `${host} is ${address}`)];
  } catch (error) {
    return [
      failed('dns', `${host} has no address (${reasonOf(error)})`, 'Check the name: eco config list --show-origin'),
    ];
  }
}

async function checkPort(url: URL): Promise<Check[]> {
  const socket = connectTcp({ host: hostOf(url), port: portOf(url) });
  try {
    await inTime(once(socket, 'connect'));
    return [ok('tcp', `${url.host} accepts connections`)];
  } catch (error) {
    const fix = LOOPBACK.test(url.hostname) ? 'eco dev' : 'Is the server up, and does a firewall let you through?';
    return [failed('tcp', `${url.host} accepts no connection (${reasonOf(error)})`, fix)];
  } finally {
    socket.destroy();
  }
}

async function checkCertificate(url: URL): Promise<Check[]> {
  const socket = connectTls({
    host: hostOf(url),
    port: portOf(url),
    ...(!isIP(hostOf(url)) && { servername: hostOf(url) }),
  });
  try {
    await inTime(once(socket, 'secureConnect'));
    const until = new Date(socket.getPeerCertificate().valid_to);
    const message = `the certificate is valid until ${until.toISOString().slice(0, 10)}`;
    return [
      until.getTime() - Date.now() < CERTIFICATE_LEFT_MIN_MS
        ? warning('tls', message, 'Renew it on the server')
        : ok('tls', message),
    ];
  } catch (error) {
    const fix = 'Renew the certificate, or trust its authority: export NODE_EXTRA_CA_CERTS=ca.pem';
    return [failed('tls', `no trusted connection to ${url.host} (${reasonOf(error)})`, fix)];
  } finally {
    socket.destroy();
  }
}

const checkAnswer =
  (ownVersion: string) =>
  async (url: URL): Promise<Check[]> => {
    const startedAt = Date.now();
    try {
      const { statusCode, headers } = await inTime(head(new URL('health', `${url.href.replace(/\/*$/, '')}/`)));
      if (headers['x-ecolink-request-id'] === undefined)
        return [
          failed('http', `${url.href} answers ${statusCode}, but is not EcoLink`, 'eco config list --show-origin'),
        ];
      return [
        ok('http', `EcoLink answers after ${Date.now() - startedAt} ms`),
        checkVersion(String(headers['x-ecolink-version'] ?? ''), ownVersion),
        checkClock(headers.date, startedAt, Date.now()),
      ];
    } catch (error) {
      return [failed('http', `${url.href} does not answer (${reasonOf(error)})`, 'Look at the log of the server')];
    }
  };

function head(url: URL): Promise<http.IncomingMessage> {
  const { get } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    get(url, { agent: false, signal: AbortSignal.timeout(STEP_DEADLINE_MS) }, (response) => {
      response.resume();
      resolve(response);
    }).once('error', reject);
  });
}

/** Before 1.0 a minor version may change the API. */
export function checkVersion(server: string, own: string): Check {
  const [major, minor] = server.split('.');
  const [ownMajor, ownMinor] = own.split('.');
  if (server === '') return warning('version', `eco is ${own}; the server does not say which it is`);
  const fits = major === ownMajor && (major !== '0' || minor === ownMinor);
  const message = `eco is ${own}, the server ${server}`;
  return fits ? ok('version', message) : warning('version', message, `npm install --global ecolink@${server}`);
}

/** `Date` of an answer is cut to the second; it was written between the two times. */
export function checkClock(date: string | undefined, sentAt: number, answeredAt: number): Check {
  const at = Date.parse(date ?? '');
  if (Number.isNaN(at)) return skipped('clock', 'the server does not say its time');
  const skewMs = at < sentAt - 1_000 ? sentAt - 1_000 - at : Math.max(0, at - answeredAt);
  if (skewMs <= SKEW_MAX_MS) return ok('clock', 'agrees with that of the server');
  const direction = at < sentAt ? 'ahead of' : 'behind';
  const message = `this clock is ${Math.round(skewMs / 1_000)} s ${direction} that of the server`;
  return failed('clock', message, 'Set the time: timedatectl set-ntp true');
}

async function inTime<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing within ${STEP_DEADLINE_MS / 1_000} s`)), STEP_DEADLINE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
