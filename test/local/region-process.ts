// A server in little: one local region that declares what it is told, until it is killed.
import { openLocalRegion } from '../../server/cluster/local/region.ts';
import { openLog } from '../../server/log.ts';

const { options, deployment } = JSON.parse(String(process.argv[2]));
const region = await openLocalRegion({ ...options, log: openLog('silent'), clock: Date.now });
await region.apply(deployment);
setInterval(async () => {
  process.stdout.write(`${JSON.stringify(await region.observe(deployment))}\n`);
}, 50);
