// A program that speaks no OpenID, behind a real proxy with the configuration of `deploy/sites`.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join, resolve } from 'node:path';
import { expect } from '@playwright/test';
import { freePort } from './service';

export type Proxy = 'nginx' | 'caddy';

const SAMPLES = resolve(__dirname, '../../deploy/sites');
const FETCHED = resolve(__dirname, '../../target/caddy/usr/bin/caddy');
const CADDY = existsSync(FETCHED) ? FETCHED : 'caddy';

export class Site {
  private constructor(
    readonly origin: string,
    private readonly program: Server,
    private readonly proxy: ChildProcess,
  ) {}

  /** The tables of the service's configuration. */
  static tables(port: number): string {
    const origin = `http://127.0.0.1:${port}`;
    return `[[sites]]
origin = "${origin}"
name = "Wiki"

[[site_rules]]
origin = "${origin}"
path = "/admin"
allow = ["organization:Analytical Engines Ltd"]
`;
  }

  /** Starts the program and the proxy, and waits until it responds. */
  static async start(kind: Proxy, port: number, service: string, folder: string): Promise<Site> {
    mkdirSync(folder, { recursive: true });
    const program = createServer((request, response) => {
      // As programs of the Common Gateway Interface see headers.
      const pairs = Object.entries(request.headers).map(([name, value]) => [name.toUpperCase().replaceAll('-', '_'), String(value)]);
      const text = JSON.stringify({ method: request.method, url: request.url, headers: pairs });
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(`<!doctype html><html lang="en"><title>Wiki</title><link rel="icon" href="data:,"><h1>Wiki</h1>
<form method="post" action="/save"><button>Save</button></form><pre>${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</pre></html>`);
    });
    const behind = await freePort();
    await new Promise<void>((done) => program.listen(behind, '127.0.0.1', done));
    const words = (kind === 'nginx' ? nginx : caddy)(folder, port, behind, new URL(service).host);
    const log = openSync(join(folder, 'log'), 'w');
    const env = { PATH: `${process.env.PATH}:/usr/sbin`, HOME: folder };
    const proxy = spawn(words[0]!, words.slice(1), { env, stdio: ['ignore', log, log] });
    closeSync(log);
    const site = new Site(`http://127.0.0.1:${port}`, program, proxy);
    const responds = async () => (await fetch(site.origin).catch(() => undefined))?.status;
    await expect.poll(responds, { message: `${kind} gets ready`, timeout: 30_000, intervals: [100] }).toBe(401);
    return site;
  }

  async stop(): Promise<void> {
    this.program.close();
    if (this.proxy.exitCode !== null) return;
    const gone = new Promise((done) => this.proxy.once('exit', done));
    this.proxy.kill();
    await gone;
  }
}

/** Writes the sample with other ports, and without TLS. */
function nginx(folder: string, port: number, program: number, service: string): string[] {
  const sample = readFileSync(join(SAMPLES, 'nginx.conf'), 'utf8')
    .replaceAll('listen 443 ssl http2', `listen 127.0.0.1:${port}`)
    .replace(/ *ssl_(certificate|reject).*\n/g, '')
    .replace('server_name WIKI.EXAMPLE.COM', 'server_name 127.0.0.1')
    .replace(/Host WIKI\.EXAMPLE\.COM/g, `Host 127.0.0.1:${port}`)
    .replace('127.0.0.1:3000', service)
    .replace('127.0.0.1:8080', `127.0.0.1:${program}`);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`);
  const file = join(folder, 'nginx.conf');
  const around = `daemon off; pid ${folder}/pid; error_log stderr; events {} http { access_log off; ${temporary.join(' ')}\n`;
  writeFileSync(file, `${around}${sample}}\n`);
  return ['nginx', '-p', folder, '-c', file, '-e', 'stderr'];
}

function caddy(folder: string, port: number, program: number, service: string): string[] {
  const sample = readFileSync(join(SAMPLES, 'Caddyfile'), 'utf8')
    .replace('WIKI.EXAMPLE.COM {', `http://127.0.0.1:${port} {`)
    .replaceAll('127.0.0.1:3000', service)
    .replace('127.0.0.1:8080', `127.0.0.1:${program}`);
  const file = join(folder, 'Caddyfile');
  writeFileSync(file, `{\n\tadmin off\n\tauto_https off\n}\n${sample}`);
  return [CADDY, 'run', '--config', file, '--adapter', 'caddyfile'];
}
