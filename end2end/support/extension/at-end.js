// Runs at the end of the document. Content scripts of one extension share their environment.
globalThis.meddleAtEnd?.();
