/** Words of a maker's name that tell apart boards, not types. */
const NOISE = [
  /\b(?:nvidia|geforce|tesla|quadro|graphics device)\b/g,
  /\b\d+ ?gb\b/g, // A100-SXM4-80GB
  /\b(?:sxm\d?|pcie|pg\d+|nvl|hbm\d?e?|cec)\b/g,
  /\b(?:blackwell|generation|(?:server|workstation|max-q workstation) edition|laptop gpu|max-q)\b/g,
];

/** Our name for a GPU from its maker's: `NVIDIA A100-SXM4-80GB` is `a100`, `NVIDIA GeForce RTX 4090` is `rtx-4090`. */
export function gpuType(name: string): string {
  const plain = NOISE.reduce((text, noise) => text.replaceAll(noise, ' '), name.toLowerCase());
  const type = plain.replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '');
  return type.slice(0, TYPE_MAX_CHARS) || 'gpu';
}

/** As the configuration allows. */
const TYPE_MAX_CHARS = 60;
