// The extension: starts the language server, which does all the work, and shows its pictures.
import * as vscode from "vscode";
import { LanguageClient, ServerOptions } from "vscode-languageclient/node";
import { Preview } from "./preview";

let client: LanguageClient | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  client = new LanguageClient("cnndsl", "cnndsl", server(), { documentSelector: [{ language: "arch" }] });
  const preview = new Preview(client);
  context.subscriptions.push(
    preview,
    vscode.commands.registerCommand("cnndsl.showPicture", () => preview.show()),
  );
  try {
    await client.start();
  } catch (error) {
    const command = configured().join(" ");
    vscode.window.showErrorMessage(`cnndsl: \`${command}\` does not start: pip install "cnndsl[lsp]" (${error})`);
  }
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}

function configured(): string[] {
  return vscode.workspace.getConfiguration("cnndsl").get<string[]>("command") ?? ["cnndsl", "lsp"];
}

function server(): ServerOptions {
  const [command, ...args] = configured();
  const cwd = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  return { command, args, options: { cwd } };
}
