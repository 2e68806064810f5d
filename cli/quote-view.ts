import type { Quote } from '../sdk/index.ts';
import { dollars } from './money.ts';
import { formatRecord, formatTable } from './table.ts';

/** What a launch costs and where it would run, before anything is paid. */
export function formatQuote(quote: Quote): string {
  const { gpu, placements, rate_per_hour, hold, hold_hours, available, available_after, affordable, notes } = quote;
  const places = formatTable(placements, {
    REGION: ({ region }) => region,
    REPLICAS: ({ replicas }) => replicas,
    'GPUS EACH': () => `${gpu.type}:${gpu.count}`,
    'PER GPU': ({ price_per_gpu_hour }) => `${dollars(price_per_gpu_hour)}/h`,
    FREE: ({ free }) => free,
    'LARGEST BLOCK': ({ largest_free_block }) => largest_free_block,
  });
  const money = formatRecord({
    rate: `${dollars(rate_per_hour)}/h`,
    'hold now': `${dollars(hold)} for ${hold_hours} h; what is not used comes back`,
    balance: `${dollars(available)}, after it ${dollars(available_after)}${affordable ? '' : ': too little'}`,
  });
  return [places, money, ...notes.map((note) => `Note: ${note}`)].join('\n');
}
