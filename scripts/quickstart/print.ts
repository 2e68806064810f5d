const plain = !process.stdout.isTTY || process.env.NO_COLOR !== undefined;
const paint = (code: number, text: string) => (plain ? text : `\u001b[${code}m${text}\u001b[0m`);

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** What a person would type, and why. */
export function step(command: string, why = ''): void {
  say(`\n${paint(1, `$ ${command}`)}${why === '' ? '' : paint(2, `   # ${why}`)}`);
}

/** Prints a fact that was checked; one that does not hold ends the run. */
export function check(fact: string, holds: boolean): void {
  say(`${holds ? paint(32, '✔') : paint(31, '✖')} ${fact}`);
  if (!holds) throw new Error(`Not so: ${fact}`);
}
