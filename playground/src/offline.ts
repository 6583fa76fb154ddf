// The service worker: all files of the site are kept at the first visit, and served without asking the network.
export {};

declare const FILES: string[];
declare const VERSION: string;
declare const self: ServiceWorkerGlobalScope & typeof globalThis;

interface ServiceWorkerGlobalScope {
  addEventListener(name: "install" | "activate", listen: (event: { waitUntil(done: Promise<unknown>): void }) => void): void;
  addEventListener(name: "fetch", listen: (event: FetchEvent) => void): void;
  skipWaiting(): Promise<void>;
  clients: { claim(): Promise<void> };
}

interface FetchEvent {
  request: Request;
  respondWith(response: Promise<Response>): void;
}

const NAME = `cnndsl-${VERSION}`;

self.addEventListener("install", (event) => event.waitUntil(keep()));
self.addEventListener("activate", (event) => event.waitUntil(forget()));
self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET") event.respondWith(kept(event.request));
});

async function keep(): Promise<void> {
  const cache = await caches.open(NAME);
  await cache.addAll(FILES.map((file) => new Request(file, { cache: "no-cache" })));
  await self.skipWaiting();
}

async function forget(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith("cnndsl-") && name !== NAME);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function kept(request: Request): Promise<Response> {
  const cache = await caches.open(NAME);
  return (await cache.match(request, { ignoreSearch: true })) ?? fetch(request);
}
