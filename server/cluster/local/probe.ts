import http from 'node:http';

const PROBE_TIMEOUT_MS = 1_000;

/** Undefined when it is ready (2xx, 3xx, or 404: a server without that path), else what the probe met with. */
export function probe(port: number, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const ask = http.get({
      host: '127.0.0.1',
      port,
      path: encoded(path),
      agent: false,
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    ask.once('response', (response) => {
      const { statusCode = 500 } = response;
      response.on('error', () => {}).destroy();
      resolve(statusCode < 400 || statusCode === 404 ? undefined : `answers ${statusCode}`);
    });
    ask.on('error', (error: NodeJS.ErrnoException) => {
      if (error.name === 'AbortError' || error.name === 'TimeoutError')
        resolve(`has no answer within ${PROBE_TIMEOUT_MS} ms`);
      else
        resolve(error.code === 'ECONNREFUSED' ? 'finds nobody listening' : `fails with ${error.code ?? error.message}`);
    });
  });
}

/** Spaces and other letters as they travel; what is encoded already stays. */
const encoded = (path: string) => path.toWellFormed().replace(/[^\x21-\x7e]/gu, encodeURIComponent);
