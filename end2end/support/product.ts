// The sample product of a worker, `product/notes.mjs`.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, type Page } from '@playwright/test';
import { arrive, link, open } from './journeys';
import type { User } from './users';

const PROGRAM = resolve(__dirname, '../product/notes.mjs');
const MARK = resolve(__dirname, '../../server/src/dev/notes.svg');
export const SECRET = 'a secret that only this test and + % know';

export class Product {
  private constructor(
    readonly origin: string,
    private readonly process: ChildProcess,
  ) {}

  static originAt(port: number): string {
    return `http://127.0.0.1:${port}`;
  }

  /** Starts the product and waits until it responds. It needs its provider only later. */
  static async start(port: number, issuer: string, log: string): Promise<Product> {
    const out = openSync(log, 'w');
    const env = { PATH: process.env.PATH, ISSUER: issuer, CLIENT_SECRET: SECRET, PORT: String(port) };
    const child = spawn(process.execPath, [PROGRAM], { env, stdio: ['ignore', out, out] });
    closeSync(out);
    const product = new Product(Product.originAt(port), child);
    const responds = async () => (await fetch(product.origin).catch(() => undefined))?.ok;
    await expect.poll(responds, { message: 'the product gets ready', timeout: 60_000, intervals: [100] }).toBe(true);
    return product;
  }

  /** The tables of the service's configuration: this product, one of another company, and one without a secret on any port. */
  static tables(folder: string, port: number): string {
    const secret = join(folder, 'notes-secret');
    writeFileSync(secret, SECRET, { mode: 0o600 });
    const origin = Product.originAt(port);
    return `[[clients]]
id = "notes"
name = "Notes"
redirect_uris = ["${origin}/callback"]
post_logout_redirect_uris = ["${origin}/"]
backchannel_logout_uri = "${origin}/backchannel"
home_uri = "${origin}/"
logo_file = "${MARK}"
client_secret_file = "${secret}"

[[clients]]
id = "partner"
name = "Partner"
third_party = true
redirect_uris = ["${origin}/callback"]
logo_file = "${MARK}"

[[clients]]
id = "public"
name = "Public"
redirect_uris = ["http://127.0.0.1/callback"]
`;
  }

  /** Selects "Sign in" at the product. */
  async signIn(page: Page): Promise<void> {
    await open(page, this.origin, 'Notes');
    await link(page, 'Sign in').click();
  }

  /** Expects the product's page with its user, and nothing of the sign-in in its address. */
  async isSignedIn(page: Page, user: Pick<User, 'email' | 'name'>): Promise<void> {
    await arrive(page, 'Notes');
    const who = user.name ? `${user.name} (${user.email})` : user.email;
    await expect(page.getByRole('main')).toContainText(`You’re signed in as ${who}.`);
    expect(page.url()).toBe(`${this.origin}/`);
  }

  /** Waits until the product has ended its session. */
  async endsSession(page: Page): Promise<void> {
    const isSignedOut = async () => {
      await page.goto(this.origin);
      return link(page, 'Sign in').isVisible();
    };
    await expect.poll(isSignedOut, { message: 'the product ends its session', intervals: [100, 250] }).toBe(true);
  }

  stop(): void {
    this.process.kill();
  }
}
