export { DEFAULT_URL, type EcoOptions, type RequestOptions } from './client.ts';
export * from './contract/index.ts';
export { Eco } from './eco.ts';
export { Listing, Page } from './pagination.ts';
export type { LogQuery } from './resources/workload-verbs.ts';
export { WaitError, type WaitOptions } from './wait.ts';
