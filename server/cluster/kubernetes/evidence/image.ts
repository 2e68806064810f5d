import type { Reason } from '../../../../sdk/contract/index.ts';
import { quoted, type Verdict, verdict } from './verdict.ts';

/** Why an image could not be fetched, from the registry's words. */
export function imageVerdict(image: string, said: string | undefined): Verdict {
  const text = quoted(said);
  for (const [pattern, reason, sentence] of causes)
    if (pattern.test(text)) return verdict(reason, `${sentence(image)}: ${text}`);
  return verdict('image_network', `The image ${image} could not be fetched: ${text || 'the cluster has not said why'}`);
}

const causes: readonly (readonly [RegExp, Reason, (image: string) => string])[] = [
  [
    /toomanyrequests|rate limit|\b429\b/i,
    'registry_rate_limited',
    (image) => `The registry of ${image} allows no more downloads for now`,
  ],
  [
    /no match for platform|no matching manifest/i,
    'image_arch',
    (image) => `The image ${image} is not built for the region's nodes`,
  ],
  [/no space left on device/i, 'disk_full', (image) => `The node has no room for the image ${image}`],
  [
    /unauthorized|denied|forbidden|\b40[13]\b|authentication required/i,
    'image_auth',
    (image) => `The registry does not give out ${image}`,
  ],
  [/not found|manifest unknown|\b404\b|does not exist/i, 'image_not_found', (image) => `There is no image ${image}`],
  [
    /i\/o timeout|no such host|connection refused|TLS|deadline exceeded|EOF/i,
    'image_network',
    (image) => `The registry of ${image} cannot be reached`,
  ],
];
