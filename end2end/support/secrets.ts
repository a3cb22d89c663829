// Secrets that must never appear in a URL or in a page's source.
export class Secrets {
  private readonly kept = new Set<string>();
  private readonly addresses = new Set<string>();

  /** A password or passcode. */
  keep(secret: string): void {
    if (secret) this.kept.add(secret);
  }

  /** An e-mail address: it may appear in a page, but in no URL. */
  keepFromUrls(email: string): void {
    this.addresses.add(email);
  }

  inText(text: string): string[] {
    return [...this.kept].filter((secret) => asWhole(secret).test(text));
  }

  inUrl(url: string): string[] {
    const plain = decodeURIComponent(url.replaceAll('+', ' '));
    return [...this.inText(plain), ...[...this.addresses].filter((email) => plain.includes(email))];
  }
}

/** As a whole word only: many numbers contain six digits. */
function asWhole(secret: string): RegExp {
  return new RegExp(`(?<!\\w)${secret.replace(/[^\w\s]/g, '\\$&')}(?!\\w)`);
}
