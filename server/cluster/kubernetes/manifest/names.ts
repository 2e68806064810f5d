/** Of everything that we make; what lacks the uid or the installation is never adopted, changed or removed. */
export const labelNames = {
  installation: 'ecolink.dev/installation',
  uid: 'ecolink.dev/uid',
  workload: 'ecolink.dev/workload',
  account: 'ecolink.dev/account',
  filesystem: 'ecolink.dev/filesystem',
} as const;

/** What changes when only a new pod can take a change over. */
export const SPEC_HASH = 'ecolink.dev/spec-hash';
/** Of a Deployment as it was declared: tells a change by hand from another declaration. */
export const DECLARED = 'ecolink.dev/declared';
/** The container that is ours; others are what a cluster injects. */
export const CONTAINER = 'server';
export const FIELD_MANAGER = 'ecolink';
const MANAGED_BY = 'ecolink';
const SHORT_CHARS = 8;
const CLAIM = 'eco-fs-';

/** The random end of an id, which names may be made of. */
const shortOf = (id: string) => id.slice(-SHORT_CHARS).toLowerCase();

/** Of whatever an installation makes. */
export const objectPrefix = (installation: string) => `eco-${shortOf(installation)}`;

/** The same on every pass and every server, so that no crash makes a second one. */
export const objectName = (installation: string, workload_id: number) => `${objectPrefix(installation)}-${workload_id}`;

/** One for each account. */
export const namespaceName = (prefix: string, account_id: string) =>
  `${prefix}-${account_id.toLowerCase().replaceAll('_', '-')}`;

/** Of what is the installation's own: who the region belongs to, and what accounts get copies of. */
export const systemNamespace = (prefix: string) => `${prefix}-system`;

/** Of an account's part of a filesystem, in its namespace. */
export const claimName = (filesystem: string) => `${CLAIM}${filesystem}`;
export const filesystemOf = (claim: string) => (claim.startsWith(CLAIM) ? claim.slice(CLAIM.length) : claim);

/** Of what belongs to an account and to none of its workloads. */
export const accountLabelsOf = (installation: string, account_id: string): Record<string, string> => ({
  'app.kubernetes.io/managed-by': MANAGED_BY,
  [labelNames.installation]: installation,
  [labelNames.account]: account_id,
});

export interface Owner {
  installation: string;
  account_id: string;
  workload_id: number;
  uid: string;
}

/** Ids only, never what a user wrote. */
export const labelsOf = ({ installation, account_id, workload_id, uid }: Owner): Record<string, string> => ({
  'app.kubernetes.io/name': 'ecolink-workload',
  'app.kubernetes.io/instance': objectName(installation, workload_id),
  'app.kubernetes.io/managed-by': MANAGED_BY,
  [labelNames.installation]: installation,
  [labelNames.account]: account_id,
  [labelNames.workload]: String(workload_id),
  [labelNames.uid]: uid,
});

/** The label selector of all that is one workload's. */
export const ownedBy = (installation: string, uid: string): string =>
  `${labelNames.installation}=${installation},${labelNames.uid}=${uid}`;

/** What a Deployment finds its pods by: never changes. */
export const selectorOf = ({ installation, workload_id, uid }: Owner): Record<string, string> => ({
  'app.kubernetes.io/instance': objectName(installation, workload_id),
  [labelNames.uid]: uid,
});
