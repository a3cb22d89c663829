// Apache with mod_auth_openidc, registered and configured by the samples in docs/products.md.
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import { sample } from './documents';

const PROGRAM = process.env.APACHE ?? '/usr/sbin/apache2';
const MODULES = '/usr/lib/apache2/modules';
const SECRET = 'a secret that only this test and Apache know';

export class Apache {
  private process?: ChildProcess;
  private folder?: string;

  private constructor(
    readonly origin: string,
    private readonly log: string,
    private readonly placeholder: Server,
  ) {}

  /** Reserves a port, because the service must know it before Apache starts. */
  static reserve(log: string): Promise<Apache> {
    return new Promise((done, failed) => {
      const placeholder = createServer().once('error', failed);
      placeholder.listen(0, '127.0.0.1', () => {
        const place = placeholder.address();
        if (!place || typeof place === 'string') return failed(new Error('no port'));
        done(new Apache(`http://127.0.0.1:${place.port}`, log, placeholder));
      });
    });
  }

  /** The table of the service's configuration. */
  table(folder: string): string {
    const secret = join(folder, 'wiki-secret');
    writeFileSync(secret, SECRET, { mode: 0o600 });
    return this.sample('toml').replace('"wiki.secret"', `"${secret}"`);
  }

  /** Starts Apache and waits until it responds. */
  async start(service: string): Promise<void> {
    await new Promise((done) => this.placeholder.close(done));
    this.folder = mkdtempSync(join(tmpdir(), 'rekey-apache-'));
    // Started by root, it serves pages as another user.
    chmodSync(this.folder, 0o755);
    mkdirSync(join(this.folder, 'pages'), { mode: 0o755 });
    writeFileSync(join(this.folder, 'pages/index.html'), PAGE.replace('ORIGIN', encodeURIComponent(this.origin)), { mode: 0o644 });
    const secret = join(this.folder, 'wiki-secret.conf');
    writeFileSync(secret, `OIDCClientSecret "${SECRET}"\n`, { mode: 0o600 });
    const documented = this.sample('apache')
      .replace('https://accounts.example.com', service)
      .replace('/etc/apache2/wiki-secret.conf', secret);
    const file = join(this.folder, 'apache.conf');
    writeFileSync(file, surroundings(this.folder, new URL(this.origin).host, this.log) + documented, { mode: 0o600 });
    const out = openSync(this.log, 'w');
    this.process = spawn(PROGRAM, ['-DFOREGROUND', '-f', file], { stdio: ['ignore', out, out] });
    closeSync(out);
    let problem: string | undefined;
    this.process.on('error', (error) => (problem = String(error)));
    this.process.on('exit', (code, signal) => (problem = `it ended with ${code ?? signal}`));
    // 401 without a redirect, because it redirects only browsers that open a page.
    const status = async () => (await fetch(this.origin).catch(() => undefined))?.status;
    await expect
      .poll(async () => problem ?? status(), { message: `${PROGRAM} protects its pages`, timeout: 30_000, intervals: [100] })
      .toBe(401);
  }

  async stop(): Promise<void> {
    this.placeholder.close();
    if (this.process && this.process.exitCode === null && this.process.signalCode === null) {
      const gone = new Promise((done) => this.process?.once('exit', done));
      this.process.kill();
      await gone;
    }
    if (this.folder) rmSync(this.folder, { recursive: true, force: true });
  }

  private sample(language: string): string {
    return sample('Apache', language).replaceAll('https://wiki.example.com', this.origin);
  }
}

/** The configuration that Debian's package of Apache has elsewhere. */
function surroundings(folder: string, address: string, log: string): string {
  const modules = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'dir', 'include', 'auth_openidc'];
  return `ServerRoot "${folder}"
ServerName 127.0.0.1
Listen ${address}
User www-data
Group www-data
DefaultRuntimeDir "${folder}"
PidFile "${folder}/pid"
ErrorLog "${log}"
${modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
DocumentRoot "${folder}/pages"
DirectoryIndex index.html
<Directory "${folder}/pages">
  Options +Includes
  ForceType "text/html; charset=utf-8"
  SetOutputFilter INCLUDES
</Directory>
`;
}

/** Shows the user's variables, and whether the header for an application behind Apache is the same. */
const PAGE = `<!doctype html><html lang="en"><title>Wiki</title><link rel="icon" href="data:,"><main>
<p>You’re signed in as <!--#echo var="OIDC_CLAIM_email" -->.</p>
<p>Account: <!--#echo var="REMOTE_USER" --></p>
<p>Header: <!--#if expr="req('OIDC_CLAIM_email') == v('OIDC_CLAIM_email')" -->the same<!--#else -->another<!--#endif --></p>
<p><a href="/callback?logout=ORIGIN%2F">Sign out</a></p>
</main></html>
`;
