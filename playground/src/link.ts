// A text as part of an address: compressed, in letters that need no escape.

const MOST = 1 << 20; // letters of a text in a link

/** A text and which of its networks; without a text, one of the zoo. */
export interface Linked {
  text?: string;
  network: string;
}

export async function toHash(text: string, network: string): Promise<string> {
  const bytes = await throughStream(new TextEncoder().encode(text), new CompressionStream("deflate-raw"));
  const letters = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  const packed = letters.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `#${new URLSearchParams({ network, text: packed })}`;
}

/** What a link holds; undefined if it holds nothing, or nothing that can be read. */
export async function fromHash(hash: string): Promise<Linked | undefined> {
  const said = new URLSearchParams(hash.slice(1));
  const packed = said.get("text"), network = said.get("network") ?? "";
  if (packed === null) return network ? { network } : undefined;
  try {
    const letters = atob(packed.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
    const text = await throughStream(bytes, new DecompressionStream("deflate-raw"));
    return { text: new TextDecoder().decode(text), network };
  } catch {
    return undefined;
  }
}

async function throughStream(bytes: Uint8Array<ArrayBuffer>, stream: CompressionStream | DecompressionStream) {
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    size += part.value.length;
    if (size > MOST) throw new RangeError("too long");
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
