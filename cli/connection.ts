/** What is kept of a login. The admin key stands beside the account's own: each command takes the one it needs. */
export interface Profile {
  api_url: string;
  api_key?: string | undefined;
  admin_key?: string | undefined;
}

export type KeyKind = 'account' | 'admin';

export interface Connection {
  baseUrl: string | undefined;
  apiKey: string | undefined;
}

export interface Choices {
  apiUrl?: string | undefined;
  kind: KeyKind;
  env: NodeJS.ProcessEnv;
  profile: Profile | undefined;
}

/** Flags, then environment, then profile. A stored key is only ever sent to the server it was stored with. */
export function chooseConnection({ apiUrl, kind, env, profile }: Choices): Connection {
  const baseUrl = apiUrl ?? env.ECO_API_URL ?? profile?.api_url;
  const stored = profile !== undefined && baseUrl === profile.api_url ? profile : undefined;
  const account = env.ECO_API_KEY ?? stored?.api_key;
  const admin = env.ECO_ADMIN_KEY ?? env.ECO_API_KEY ?? stored?.admin_key ?? stored?.api_key;
  return { baseUrl, apiKey: kind === 'admin' ? admin : (account ?? stored?.admin_key) };
}

/** No profile can change what is chosen. */
export function isSettled(apiUrl: string | undefined, env: NodeJS.ProcessEnv): boolean {
  return (apiUrl ?? env.ECO_API_URL) !== undefined && env.ECO_API_KEY !== undefined;
}
