// At the document's end. Content scripts of one extension share their world.
globalThis.meddleAtEnd?.();
