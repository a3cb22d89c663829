// The mailbox of all addresses: the e-mails that the development run has sent.
import { expect } from '@playwright/test';
import type { Secrets } from './secrets';

export type Email = { to: string; from: string; subject: string; text: string; html: string; sent_at: number };

/** Returns each e-mail once, and waits for it if necessary. */
export class Post {
  private readonly opened = new Map<string, Set<number>>();

  constructor(
    private readonly origin: string,
    private readonly secrets: Secrets,
  ) {}

  /** All e-mails to an address, oldest first. */
  async all(to: string): Promise<Email[]> {
    const answer = await fetch(`${this.origin}/dev/emails.json?to=${encodeURIComponent(to)}`);
    expect(answer.status, 'the e-mails can be read').toBe(200);
    return ((await answer.json()) as Email[]).reverse();
  }

  /** The oldest unread e-mail that matches. */
  async email(to: string, fits: (message: Email) => boolean, what: string): Promise<Email> {
    const opened = this.opened.get(to) ?? new Set<number>();
    this.opened.set(to, opened);
    let found: Email | undefined;
    await expect
      .poll(
        async () => {
          const messages = await this.all(to);
          const at = messages.findIndex((message, index) => !opened.has(index) && fits(message));
          found = messages[at];
          if (found) opened.add(at);
          return found ? 'there' : messages.map((message) => message.subject);
        },
        { message: `an e-mail to ${to}: ${what}`, intervals: [50, 100, 250] },
      )
      .toBe('there');
    if (!found) throw new Error('unreachable');
    return found;
  }

  /**
   * The e-mail with the next passcode of that length: 6 for a sign-in, otherwise 8; longer after many wrong
   * ones.
   */
  async codeEmail(to: string, digits: 6 | 8): Promise<Email & { code: string }> {
    const message = await this.email(to, (message) => codeIn(message)?.length === digits, `a passcode of ${digits} digits`);
    const code = codeIn(message) ?? '';
    this.secrets.keep(code);
    return { ...message, code };
  }

  /** The passcode in that e-mail. */
  async code(to: string, digits: 6 | 8): Promise<string> {
    return (await this.codeEmail(to, digits)).code;
  }
}

/** The passcode in an e-mail, from its last line in Apple Mail's format. */
export function codeIn(message: Email): string | undefined {
  return /^@\S+ #(\d+)\s*$/m.exec(message.text)?.[1];
}

/** A different passcode. */
export function otherThan(code: string, by = 1): string {
  return String((Number(code) + by) % 10 ** code.length).padStart(code.length, '0');
}
