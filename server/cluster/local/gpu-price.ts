/** What a GPU of this machine costs an hour where the configuration says nothing, in dollars. */
const PRICES: Readonly<Record<string, string>> = {
  b300: '7.00',
  b200: '5.50',
  h200: '3.80',
  h100: '3.20',
  gh200: '2.50',
  a100: '1.80',
  'rtx-pro-6000': '1.60',
  l40s: '1.20',
  l40: '1.00',
  'rtx-5090': '0.90',
  'rtx-6000-ada': '0.90',
  l4: '0.80',
  'rtx-a6000': '0.70',
  a40: '0.60',
  a10: '0.60',
  'rtx-4090': '0.60',
  'rtx-3090': '0.40',
  v100: '0.40',
  t4: '0.30',
};
const OTHERS = '0.50';

export const usualPrice = (type: string): string => PRICES[type] ?? OTHERS;
