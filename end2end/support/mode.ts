// With what the browser of this run comes.
import { test, type BrowserContext, type Page } from '@playwright/test';

export type Mode = 'scripts' | 'no-scripts' | 'no-wasm';

export function mode(): Mode {
  return test.info().project.name as Mode;
}

/** Whether the app runs in the page, or plain forms are sent. */
export function hasApp(): boolean {
  return mode() === 'scripts';
}

/** Prepares a browser for its run. */
export async function equip(context: BrowserContext): Promise<void> {
  if (mode() === 'no-wasm') await context.route('**/*.wasm', (route) => route.abort());
  if (mode() === 'scripts') await context.addInitScript(noteStart);
}

/** Waits until the app has taken over the page; without it there is nothing to wait for. */
export async function appStarted(page: Page): Promise<void> {
  if (hasApp()) await page.waitForFunction(() => (window as { appStarted?: boolean }).appStarted === true);
}

// Runs in the page. The app takes over in the turn in which its WASM is there; a frame later it is done.
function noteStart(): void {
  const noted = <T>(started: Promise<T>): Promise<T> => {
    const note = () => requestAnimationFrame(() => Object.assign(window, { appStarted: true }));
    started.then(() => setTimeout(note), () => undefined);
    return started;
  };
  const { instantiate, instantiateStreaming } = WebAssembly;
  WebAssembly.instantiateStreaming = (...of) => noted(instantiateStreaming.apply(WebAssembly, of));
  WebAssembly.instantiate = ((...of: Parameters<typeof instantiate>) =>
    noted(instantiate.apply(WebAssembly, of) as Promise<unknown>)) as typeof instantiate;
}
