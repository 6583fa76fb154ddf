// The compiler: Python in a thread of its own, which answers one question after the other.
import { loadPyodide } from "pyodide";
import type { PyCallable } from "pyodide/ffi";

const FOLDER = "/cnndsl";
const answering = start();

async function start(): Promise<PyCallable> {
  const [python, packed] = await Promise.all([loadPyodide({ indexURL: "pyodide/" }), fetched("python.zip")]);
  python.unpackArchive(packed, "zip", { extractDir: FOLDER });
  return python.runPython(`import sys; sys.path.insert(0, "${FOLDER}"); from answers import answer; answer`);
}

async function fetched(name: string): Promise<ArrayBuffer> {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response.arrayBuffer();
}

self.addEventListener("message", async ({ data }: MessageEvent<string>) => {
  try {
    const answer = await answering;
    self.postMessage(answer(data));
  } catch (error) {
    self.postMessage(JSON.stringify({ broken: String(error).trim().split("\n").at(-1) }));
  }
});
