// Checks every page of a test: no console messages, no policy violations, no failed requests, no secrets in a
// URL or a page's source, no invalid HTML.
import { HtmlValidate } from 'html-validate';
import { expect, type BrowserContext, type ConsoleMessage, type Request, type Response } from '@playwright/test';
import type { Mode } from './mode';
import type { Secrets } from './secrets';
import type { Service } from './service';

const html = new HtmlValidate({
  root: true,
  extends: ['html-validate:standard'],
  rules: {
    // Only about harmless spelling, which the framework decides.
    'void-style': 'off',
    'doctype-style': 'off',
    'no-trailing-whitespace': 'off',
    'attr-quotes': 'off',
    'attribute-boolean-style': 'off',
    'attribute-empty-style': 'off',
    'no-inline-style': 'error',
    'no-dup-id': 'error',
  },
});

export class Watch {
  private readonly problems: string[] = [];
  private readonly allowed: RegExp[] = [];
  private readonly sources: Promise<void>[] = [];
  private readonly texts: { url: string; text: string }[] = [];
  private readonly contexts: BrowserContext[] = [];

  constructor(
    private readonly service: Service,
    private readonly mode: Mode,
    private readonly secrets: Secrets,
  ) {}

  /** A problem that this test causes on purpose. */
  allow(problem: RegExp): void {
    this.allowed.push(problem);
  }

  follow(context: BrowserContext): void {
    this.contexts.push(context);
    context.on('console', (message) => this.console(message));
    context.on('request', (request) => this.request(request));
    context.on('requestfailed', (request) => this.failed(request));
    context.on('response', (response) => this.sources.push(this.response(response)));
    context.on('weberror', (error) => this.note(`error in the page: ${error.error().stack ?? error.error().message}`));
  }

  /** Before a context is closed: its cookies must not appear in any page. */
  async end(): Promise<void> {
    await Promise.all(this.sources);
    for (const context of this.contexts) {
      for (const cookie of await context.cookies().catch(() => [])) {
        if (cookie.value.length >= 20) this.secrets.keep(cookie.value);
      }
    }
    for (const { url, text } of this.texts) {
      for (const secret of this.secrets.inText(text)) this.note(`the source of ${url} holds ${secret}`);
    }
    expect(this.problems.filter((problem) => !this.allowed.some((allowed) => allowed.test(problem)))).toEqual([]);
  }

  private note(problem: string): void {
    this.problems.push(problem);
  }

  private console(message: ConsoleMessage): void {
    const { type, text, url } = { type: message.type(), text: message.text(), url: message.location().url };
    const loud = type === 'error' || type === 'warning' || text.startsWith('[DOM]');
    if (loud && !this.isAbsentWasm(url) && !isRefusal(text, url)) this.note(`console ${type}: ${text} (${url})`);
  }

  private request(request: Request): void {
    const url = request.url();
    for (const secret of this.secrets.inUrl(url)) this.note(`the address ${url} holds ${secret}`);
    if (!this.service.isOurs(url) && !url.startsWith('data:')) this.note(`asked for ${url}`);
  }

  private failed(request: Request): void {
    const why = request.failure()?.errorText ?? '';
    // Leaving a page cancels its requests and event streams.
    if (why === 'net::ERR_ABORTED' || this.isAbsentWasm(request.url())) return;
    this.note(`${request.method()} ${request.url()} failed: ${why}`);
  }

  private async response(response: Response): Promise<void> {
    const url = response.url();
    if (response.status() >= 500) this.note(`${url} answered ${response.status()}`);
    // A provider's pages are its own.
    if (!url.startsWith(this.service.origin)) return;
    const type = response.headers()['content-type'] ?? '';
    const isPage = type.startsWith('text/html') && response.request().isNavigationRequest();
    if (!isPage && !type.startsWith('application/json')) return;
    // The source isn't available after the page was left.
    const text = await response.text().catch(() => '');
    this.texts.push({ url, text });
    if (isPage && text && this.mode === 'no-scripts') await this.validate(url, text);
  }

  private async validate(url: string, text: string): Promise<void> {
    // The framework's markers between nodes, which browsers parse as empty comments.
    const report = await html.validateString(text.replaceAll('<!>', '<!---->'));
    for (const { messages } of report.results) {
      for (const found of messages) this.note(`the HTML of ${url}: ${found.ruleId}: ${found.message} (${found.selector})`);
    }
  }

  private isAbsentWasm(url: string): boolean {
    return this.mode === 'no-wasm' && url.endsWith('.wasm');
  }
}

/** Chromium logs every 4xx response to a script; the service uses them for refusals. */
function isRefusal(text: string, url: string): boolean {
  const refused = /^Failed to load resource: the server responded with a status of (401|403|409|422|429) /.test(text);
  return refused && new URL(url).pathname.startsWith('/api/');
}

/** Reports every policy violation, including those that the console omits. */
export function tellViolations(): void {
  document.addEventListener('securitypolicyviolation', (violation) =>
    console.error(`policy violated: ${violation.violatedDirective} by ${violation.blockedURI}`),
  );
}
