// Our server as a gateway of the benchmark, with everything on: keys, journal, metering, money. Told in the environment:
// PORT, UPSTREAM, SECRET_FILE (where the key goes), BENCH_HOME, and CONTINUOUS_USAGE=1 to have tokens counted event by event.
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Eco } from '../sdk/index.ts';
import { Config } from '../server/config.ts';
import { openLog } from '../server/log.ts';
import { startServer } from '../server/serve.ts';

const env = z
  .object({
    PORT: z.string(),
    UPSTREAM: z.string(),
    SECRET_FILE: z.string(),
    BENCH_HOME: z.string(),
    CONTINUOUS_USAGE: z.literal('1').optional(),
  })
  .parse(process.env);

const data = join(env.BENCH_HOME, 'ecolink', env.PORT);
rmSync(data, { recursive: true, force: true });
const config = Config.parse({ listen: `127.0.0.1:${env.PORT}`, data, log_level: 'warn' });
await using server = await startServer(config, openLog(config.log_level));
writeFileSync(env.SECRET_FILE, await openCustomer(server.url, server.context.secrets.newAdminKey));
await once(process, 'SIGTERM');

/** An account with more credit than a benchmark can spend, and a priced model that the engine serves. Returns its key. */
async function openCustomer(url: string, adminKey: string | undefined): Promise<string> {
  if (adminKey === undefined) throw new Error(`${data} should have been empty.`);
  const { admin } = new Eco({ apiKey: adminKey, baseUrl: url });
  const { id, secret } = await admin.createAccount({ name: 'bench' });
  await admin.credit({ account_id: id, amount: '1000000.00' });
  await admin.importModels({
    models: [
      {
        id: 'bench',
        display_name: 'Bench',
        category: 'chat',
        prices: { input_per_1m: '0.10', output_per_1m: '0.30' },
        backends: [
          {
            type: 'upstream',
            base_url: `http://${env.UPSTREAM}/v1`,
            served_name: 'sim',
            ...(env.CONTINUOUS_USAGE && { engine: 'vllm' }),
          },
        ],
      },
    ],
  });
  return secret;
}
