/** A decimal string of the wire as people write it: `"-3.20"` → `-$3.20`. */
export function dollars(amount: string): string {
  return amount.startsWith('-') ? `-$${amount.slice(1)}` : `$${amount}`;
}
