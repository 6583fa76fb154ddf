// The tabs beside the text: the picture, and what is shown in its place.

export class Tabs {
  chosen = "picture";
  readonly others = document.querySelector<HTMLSelectElement>("#others")!;
  private readonly cards = document.querySelector<HTMLSelectElement>("#cards")!;
  private readonly tabs = [...document.querySelectorAll<HTMLButtonElement>("[role=tab]")];
  private readonly table = document.querySelector<HTMLElement>("#table")!;

  constructor(private readonly changed: () => void) {
    for (const tab of this.tabs) tab.addEventListener("click", () => this.choose(tab));
    for (const menu of [this.others, this.cards]) menu.addEventListener("change", changed);
    this.tabs[0].parentElement!.addEventListener("keydown", ({ key }) => this.step(key));
  }

  /** What a tab is about besides the network itself. */
  get choice(): string {
    return { roofline: this.cards.value, difference: this.others.value }[this.chosen] ?? "";
  }

  fill(html: string): void {
    this.table.innerHTML = html;
    this.table.dataset.kind = this.chosen;
  }

  private choose(tab: HTMLButtonElement): void {
    this.chosen = tab.dataset.kind!;
    for (const each of this.tabs) {
      each.setAttribute("aria-selected", String(each === tab));
      each.tabIndex = each === tab ? 0 : -1;
    }
    this.table.replaceChildren();
    document.body.dataset.tab = this.chosen;
    this.changed();
  }

  private step(key: string): void {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (by === undefined) return;
    const at = this.tabs.findIndex((tab) => tab.dataset.kind === this.chosen);
    const next = this.tabs.at((at + by) % this.tabs.length)!;
    this.choose(next);
    next.focus();
  }
}
