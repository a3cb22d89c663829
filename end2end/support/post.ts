// The mailbox of everybody: what the development run has sent.
import { expect } from '@playwright/test';
import type { Secrets } from './secrets';

export type Letter = { to: string; from: string; subject: string; text: string; html: string; sent_at: number };

/** Every letter is handed out once; a letter that is not there yet is waited for. */
export class Post {
  private readonly opened = new Map<string, Set<number>>();

  constructor(
    private readonly origin: string,
    private readonly secrets: Secrets,
  ) {}

  /** Everything mailed to somebody, oldest first. */
  async all(to: string): Promise<Letter[]> {
    const answer = await fetch(`${this.origin}/dev/letters.json?to=${encodeURIComponent(to)}`);
    expect(answer.status, 'the letters can be read').toBe(200);
    return ((await answer.json()) as Letter[]).reverse();
  }

  /** The oldest unopened letter that fits. */
  async letter(to: string, fits: (letter: Letter) => boolean, what: string): Promise<Letter> {
    const opened = this.opened.get(to) ?? new Set<number>();
    this.opened.set(to, opened);
    let found: Letter | undefined;
    await expect
      .poll(
        async () => {
          const letters = await this.all(to);
          const at = letters.findIndex((letter, index) => !opened.has(index) && fits(letter));
          found = letters[at];
          if (found) opened.add(at);
          return found ? 'there' : letters.map((letter) => letter.subject);
        },
        { message: `a letter to ${to}: ${what}`, intervals: [50, 100, 250] },
      )
      .toBe('there');
    if (!found) throw new Error('unreachable');
    return found;
  }

  /** The letter with the next passcode of so many digits: 6 for a sign-in, else 8; more after many wrong ones. */
  async codeLetter(to: string, digits: 6 | 8): Promise<Letter & { code: string }> {
    const letter = await this.letter(to, (letter) => codeIn(letter)?.length === digits, `a passcode of ${digits} digits`);
    const code = codeIn(letter) ?? '';
    this.secrets.keep(code);
    return { ...letter, code };
  }

  /** The passcode out of it. */
  async code(to: string, digits: 6 | 8): Promise<string> {
    return (await this.codeLetter(to, digits)).code;
  }
}

/** The passcode in a letter: on the last line, as Apple Mail wants it. */
export function codeIn(letter: Letter): string | undefined {
  return /^@\S+ #(\d+)\s*$/m.exec(letter.text)?.[1];
}

/** A passcode that is not this one. */
export function otherThan(code: string, by = 1): string {
  return String((Number(code) + by) % 10 ** code.length).padStart(code.length, '0');
}
