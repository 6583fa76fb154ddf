// The picture of a network beside its text. What stands on the line of the cursor is marked in it.
import * as vscode from "vscode";
import { LanguageClient } from "vscode-languageclient/node";

interface Picture {
  network: string;
  svg: string;
}

const PAUSE = 200; // milliseconds without a keystroke before the picture is drawn anew

export class Preview implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private timer: NodeJS.Timeout | undefined;
  private shown = "";
  private readonly listeners: vscode.Disposable[];

  constructor(private readonly client: LanguageClient) {
    this.listeners = [
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => this.soon(textEditor)),
      vscode.workspace.onDidChangeTextDocument(() => this.soon(vscode.window.activeTextEditor)),
    ];
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.panel?.dispose();
    for (const listener of this.listeners) listener.dispose();
  }

  show(): void {
    if (this.panel === undefined) {
      const beside = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
      this.panel = vscode.window.createWebviewPanel("cnndsl.picture", "Network", beside, { enableScripts: true });
      this.panel.onDidDispose(() => {
        this.panel = undefined;
        this.shown = "";
      });
    }
    this.panel.reveal(undefined, true);
    this.soon(vscode.window.activeTextEditor);
  }

  private soon(editor: vscode.TextEditor | undefined): void {
    if (this.panel === undefined || editor?.document.languageId !== "arch") return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.draw(editor), PAUSE);
  }

  private async draw(editor: vscode.TextEditor): Promise<void> {
    const line = editor.selection.active.line;
    const request = { uri: editor.document.uri.toString(), line };
    // A request that the next keystroke overtakes is cancelled by the server: the picture stays as it is until then.
    const picture = await this.client.sendRequest<Picture | null>("arch/picture", request).catch(() => null);
    if (picture === null || this.panel === undefined) return;
    this.panel.title = picture.network;
    if (picture.svg !== this.shown) {
      this.shown = picture.svg;
      this.panel.webview.html = page(picture.svg);
    }
    this.panel.webview.postMessage({ line: line + 1 });
  }
}

/** A page with the picture; a message marks and shows what the titles say of that line. */
function page(svg: string): string {
  const nonce = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16)).join("");
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-${nonce}'`;
  return `<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<style>
  body { margin: 0; padding: 8px; }
  svg { display: block; margin: auto; max-width: 100%; height: auto; }
  .here > rect { stroke: var(--vscode-focusBorder, #0078d4) !important; stroke-width: 3; }
</style>
</head>
<body>
${svg}
<script nonce="${nonce}">
  window.addEventListener("message", ({ data }) => {
    const groups = [...document.querySelectorAll("svg g")];
    const here = groups.filter((group) => {
      const title = group.querySelector(":scope > title");
      return title !== null && group.querySelector(":scope > rect") !== null && title.textContent.endsWith(":" + data.line);
    });
    for (const group of groups) group.classList.toggle("here", here.includes(group));
    here[0]?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  });
</script>
</body>
</html>`;
}
