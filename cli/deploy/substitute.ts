/** A text in which a variable is named that is not set. */
export class UnsetVariable extends Error {
  override name = 'UnsetVariable';
  readonly variable: string;

  constructor(variable: string) {
    super(`${variable} is not set.`);
    this.variable = variable;
  }
}

const VARIABLE = /\$(?:\$(?=\{)|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})/g;

/** Puts variables in: `${NAME}`, `${NAME:-default}` for one that is unset or empty, `$${` for the letters `${`. Throws `UnsetVariable`. */
export function substitute(text: string, env: NodeJS.ProcessEnv): string {
  return text.replaceAll(VARIABLE, (whole, name: string | undefined, fallback: string | undefined) => {
    if (name === undefined) return whole.slice(1);
    const value = env[name];
    if (fallback !== undefined) return value || fallback;
    if (value === undefined) throw new UnsetVariable(name);
    return value;
  });
}
