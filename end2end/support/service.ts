// The server under test: the release program with a database in a temporary folder, one for each worker.
import { generateKeyPairSync } from 'node:crypto';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from '@playwright/test';
import { Apache } from './apache';
import { Product } from './product';
import { ENGINES, GOOGLE, Provider } from './providers';
import { Site } from './site';

const END2END = resolve(__dirname, '..');
const PROGRAM = resolve(END2END, process.env.REKEY_BIN ?? '../target/debug/rekey');
const SITE = resolve(END2END, process.env.REKEY_SITE ?? '../target/site');

/** The sender addresses, on the pages and in the e-mails. */
export const SENDER_CODES = 'noreply@signin.rekey.example';
export const SENDER_NOTICES = 'noreply@rekey.example';

/** Groups of e-mails of the operator's own mailers. */
const MAIL_GROUPS = `
[[mail_groups]]
id = "news"
name = "News about our products"
description = "Once a month."
name_ar = "أخبار منتجاتنا"
description_ar = "مرة في الشهر."

[[mail_groups]]
id = "tips"
name = "Weekly tips"
default = true
`;

export class Service {
  private constructor(
    readonly origin: string,
    private readonly folder: string,
    private readonly settings: NodeJS.ProcessEnv,
    private readonly server: ChildProcess,
    private readonly providers: Provider[],
    readonly product: Product,
    /** The port of a site, whose proxy a test starts itself. */
    readonly sitePort: number,
    readonly apache: Apache,
  ) {}

  /** The issuer of a provider. */
  issuerOf(id: string): string {
    return this.providers.find((provider) => provider.names.id === id)?.issuer ?? '';
  }

  /** Whether an address is this service's, a provider's, the product's or the site's. */
  isOurs(url: string): boolean {
    const others = this.providers.map((provider) => provider.issuer);
    const site = `http://127.0.0.1:${this.sitePort}`;
    return [this.origin, this.product.origin, site, ...others].some((origin) => url.startsWith(origin));
  }

  /** Starts a server and waits until it reaches its database. */
  static async start(worker: number): Promise<Service> {
    mkdirSync(join(END2END, 'output'), { recursive: true });
    const output = (name: string) => join(END2END, 'output', `${name}-${worker}.log`);
    const folder = mkdtempSync(join(tmpdir(), 'rekey-end2end-'));
    const address = `127.0.0.1:${await freePort()}`;
    const ports = [await freePort(), await freePort()];
    const [productPort, sitePort] = [await freePort(), await freePort()];
    const apache = await Apache.reserve(output('apache'));
    const tables = [GOOGLE, ENGINES].map((names, at) => Provider.table(folder, names, `http://127.0.0.1:${ports[at]}`));
    tables.push(Product.tables(folder, productPort), apache.table(folder), Site.tables(sitePort), MAIL_GROUPS);
    const [config, rsaKeys] = [join(folder, 'rekey.toml'), join(folder, 'rsa.pem')];
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    writeFileSync(rsaKeys, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    writeFileSync(config, tables.join(''), { mode: 0o600 });
    const settings = {
      PATH: process.env.PATH,
      REKEY_CONFIG: config,
      REKEY_LISTEN: address,
      REKEY_ORIGIN: `http://${address}`,
      REKEY_DATABASE_URL: `sqlite://${join(folder, 'rekey.db')}`,
      REKEY_KEY_FILE: join(folder, 'keys'),
      REKEY_RSA_KEY_FILE: rsaKeys,
      REKEY_SITE: SITE,
      REKEY_SENDER_CODES: SENDER_CODES,
      REKEY_SENDER_NOTICES: SENDER_NOTICES,
      // Each test has its own client address, so that tests don't share limits.
      REKEY_TRUSTED_PROXIES: '127.0.0.1',
    };
    const [product, ...providers] = await Promise.all([
      Product.start(productPort, `http://${address}`, output('product')),
      ...[GOOGLE, ENGINES].map((names, at) => Provider.start(names, ports[at]!, `http://${address}`, output(names.id))),
    ]);
    const log = openSync(output('server'), 'w');
    const server = spawn(PROGRAM, ['serve', '--dev'], { cwd: folder, env: settings, stdio: ['ignore', log, log] });
    closeSync(log);
    let ended: string | undefined;
    server.on('error', (error) => (ended = String(error)));
    server.on('exit', (code, signal) => (ended = `it ended with ${code ?? signal}`));
    const service = new Service(`http://${address}`, folder, settings, server, providers, product, sitePort, apache);
    await expect
      .poll(() => ended ?? service.readiness(), { message: `${PROGRAM} gets ready`, timeout: 60_000, intervals: [50] })
      .toBe('ready');
    return service;
  }

  private async readiness(): Promise<string> {
    const answer = await fetch(`${this.origin}/readyz`).catch(() => undefined);
    return answer?.ok ? 'ready' : `readyz says ${answer?.status ?? 'nothing'}`;
  }

  /** Runs an operator's command on the same database. */
  run(words: string[], typed = ''): Promise<string> {
    return new Promise((done, failed) => {
      const command = execFile(PROGRAM, words, { cwd: this.folder, env: this.settings }, (error, out, complaints) =>
        error ? failed(new Error(`rekey ${words.join(' ')}: ${complaints || error.message}`)) : done(out),
      );
      // A command that reads no input may end before the input is written.
      command.stdin?.on('error', () => undefined).end(typed);
    });
  }

  /** For states that only the database can create yet. */
  sql(statements: string): Promise<void> {
    const words = ['-bail', '-cmd', '.timeout 10000', join(this.folder, 'rekey.db'), statements];
    return new Promise((done, failed) =>
      execFile('sqlite3', words, (error, _, complaints) =>
        error ? failed(new Error(`sqlite3: ${complaints || error.message}`)) : done(),
      ),
    );
  }

  async stop(): Promise<void> {
    if (this.server.exitCode === null && this.server.signalCode === null) {
      const gone = new Promise((done) => this.server.once('exit', done));
      this.server.kill('SIGTERM');
      await gone;
    }
    for (const program of [...this.providers, this.product]) program.stop();
    await this.apache.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const given = new Set<number>();

/** Returns a port that no other call in this process has got: the system may choose one again. */
export async function freePort(): Promise<number> {
  let port: number;
  do port = await unusedPort();
  while (given.has(port));
  given.add(port);
  return port;
}

function unusedPort(): Promise<number> {
  return new Promise((done, failed) => {
    const probe = createServer().once('error', failed);
    probe.listen(0, '127.0.0.1', () => {
      const place = probe.address();
      probe.close(() => (place && typeof place === 'object' ? done(place.port) : failed(new Error('no port'))));
    });
  });
}
