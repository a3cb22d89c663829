// What must never be seen in an address or in a page's source.
export class Secrets {
  private readonly kept = new Set<string>();
  private readonly addresses = new Set<string>();

  /** A password or passcode. */
  keep(secret: string): void {
    if (secret) this.kept.add(secret);
  }

  /** An e-mail address: it may stand in a page, but in no URL. */
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

/** Not as a part of something longer: six digits are found in many a number. */
function asWhole(secret: string): RegExp {
  return new RegExp(`(?<!\\w)${secret.replace(/[^\w\s]/g, '\\$&')}(?!\\w)`);
}
