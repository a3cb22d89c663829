// The OpenID providers of a worker: one plays Google, the other an organization's provider.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, type Page } from '@playwright/test';

const CLIENT = 'rekey-end2end';
const SECRET = 'a secret that only this test knows';

export type Names = { id: string; name: string; listed: boolean };

export class Provider {
  private constructor(
    readonly names: Names,
    readonly issuer: string,
    private readonly process: ChildProcess,
  ) {}

  /** Starts a provider that redirects to a service's address, and waits until it responds. */
  static async start(names: Names, port: number, service: string, log: string): Promise<Provider> {
    const issuer = `http://127.0.0.1:${port}`;
    const out = openSync(log, 'w');
    const redirect = `${service}/signin/provider/${names.id}/callback`;
    const program = resolve(__dirname, 'provider.mjs');
    const stdio = ['ignore', out, out] as const;
    const child = spawn(process.execPath, [program, String(port), CLIENT, SECRET, redirect], { stdio: [...stdio] });
    closeSync(out);
    const provider = new Provider(names, issuer, child);
    const responds = async () => (await fetch(`${issuer}/.well-known/openid-configuration`).catch(() => undefined))?.ok;
    await expect.poll(responds, { message: 'the provider gets ready', timeout: 60_000, intervals: [100] }).toBe(true);
    return provider;
  }

  /** The table of the service's configuration. */
  static table(folder: string, names: Names, issuer: string): string {
    const secret = join(folder, `${names.id}-secret`);
    writeFileSync(secret, SECRET, { mode: 0o600 });
    const { id, name, listed } = names;
    return `[[providers]]
id = "${id}"
name = "${name}"
issuer = "${issuer}"
client_id = "${CLIENT}"
client_secret_file = "${secret}"
listed = ${listed}
`;
  }

  stop(): void {
    this.process.kill();
  }
}

export const GOOGLE: Names = { id: 'google', name: 'Google', listed: true };
export const ENGINES: Names = { id: 'engines', name: 'Analytical Engines', listed: false };

/** Signs in on the provider's page, which this page shows. */
export async function atProvider(page: Page, email: string, options: { verified?: boolean } = {}): Promise<void> {
  await page.getByLabel('E-mail at the provider').fill(email);
  if (options.verified === false) await page.getByLabel('Not verified').check();
  await page.getByRole('button', { name: 'Continue', exact: true }).click();
}

/** Cancels on the provider's page. */
export async function cancelAtProvider(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
}
