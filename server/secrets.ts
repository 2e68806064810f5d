import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { makeKey } from './accounts/secret-key.ts';
import { ConfigError } from './config.ts';

/** What must never stand in the database: without it neither keys nor stored tokens can be read from a stolen copy. */
export interface Secrets {
  /** Hex HMAC-SHA-256 of a whole key under the pepper. */
  hashKey(secret: string): string;
  isAdminKey(secret: string): boolean;
  encrypt(text: string): string;
  decrypt(sealed: string): string;
  /** The admin key in clear, only on the start that made it. */
  newAdminKey: string | undefined;
}

const SecretsFile = z.object({
  pepper: z.string().min(32),
  encryption_key: z.string().length(64),
  admin_key_hash: z.string(),
});

/** Reads `secrets.json`, or makes it at first start, readable by its owner alone. `ECO_PEPPER`, `ECO_ENCRYPTION_KEY` and `ECO_ADMIN_KEY` go before it. */
export function openSecrets(path: string, env: NodeJS.ProcessEnv = process.env): Secrets {
  checkEnvironment(env);
  const fresh = existsSync(path) ? undefined : makeSecrets(env.ECO_PEPPER);
  if (fresh) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, `${JSON.stringify(fresh.file, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  }
  const file = SecretsFile.parse(JSON.parse(readFileSync(path, 'utf8')));
  const pepper = env.ECO_PEPPER || file.pepper;
  const key = Buffer.from(env.ECO_ENCRYPTION_KEY || file.encryption_key, 'hex');
  const hash = (secret: string) => createHmac('sha256', pepper).update(secret).digest();
  const admin = env.ECO_ADMIN_KEY ? hash(env.ECO_ADMIN_KEY) : Buffer.from(file.admin_key_hash, 'hex');
  return {
    hashKey: (secret) => hash(secret).toString('hex'),
    isAdminKey: (secret) => timingSafeEqual(hash(secret), admin),
    encrypt: (text) => seal(text, key),
    decrypt: (sealed) => unseal(sealed, key),
    newAdminKey: env.ECO_ADMIN_KEY ? undefined : fresh?.adminKey,
  };
}

const SHAPES = {
  ECO_PEPPER: [/^.{32,}$/s, 'have at least 32 characters'],
  ECO_ENCRYPTION_KEY: [/^[0-9a-f]{64}$/i, 'be 64 hexadecimal characters'],
  ECO_ADMIN_KEY: [/^ecoadmin_\S{32,}$/, 'be "ecoadmin_" and at least 32 characters more'],
} as const;

/** Throws for a secret that could not be used or would protect nothing. An empty one counts as not given. */
function checkEnvironment(env: NodeJS.ProcessEnv): void {
  for (const [name, [shape, rule]] of Object.entries(SHAPES))
    if (env[name] && !shape.test(env[name])) throw new ConfigError(`${name} must ${rule}.`);
}

/** The admin key is hashed under the pepper in force, which the environment may have given. */
function makeSecrets(givenPepper: string | undefined) {
  const pepper = randomBytes(32).toString('hex');
  const adminKey = makeKey('ecoadmin_');
  const admin_key_hash = createHmac('sha256', givenPepper || pepper)
    .update(adminKey)
    .digest('hex');
  return { adminKey, file: { pepper, encryption_key: randomBytes(32).toString('hex'), admin_key_hash } };
}

const IV_BYTES = 12;
const TAG_BYTES = 16;

function seal(text: string, key: Buffer): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64');
}

function unseal(sealed: string, key: Buffer): string {
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES));
  decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
}
