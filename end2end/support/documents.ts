// The samples in docs/products.md.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

export const DOCUMENT = readFileSync(resolve(__dirname, '../../docs/products.md'), 'utf8');

/** The code below a heading: the first, or the first in a language. */
export function sample(heading: string, language = '\\w+'): string {
  const section = DOCUMENT.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(section)?.[1] ?? '';
}
