// The picture of the network: the viewer of `cnndsl draw`, which goes on showing what it showed while one types.

interface Viewer {
  renew(data: object): void;
  state(): string;
}

declare global {
  function cnndslViewer(root: HTMLElement, data: object): Viewer;
}

export class Picture {
  private viewer: Viewer | undefined;
  network = "";

  /** `chosen` is told the line of what is chosen in the picture, if it is in this text. */
  constructor(
    private readonly root: HTMLElement,
    chosen: (line: number) => void,
  ) {
    root.addEventListener("cnndsl-select", (event) => {
      const told = (event as CustomEvent<{ told?: string }>).detail.told;
      const place = /(?:^|\s)text\.arch:(\d+)$/m.exec(told ?? "");
      if (place) chosen(Number(place[1]));
    });
  }

  /** The state of folding, if this network is the one that is shown. */
  stateOf(network: string): string {
    return this.viewer !== undefined && network === this.network ? this.viewer.state() : "";
  }

  show(network: string, data: object, whole: boolean): void {
    if (this.viewer === undefined) {
      const theme = this.root.dataset.theme;
      this.viewer = cnndslViewer(this.root, data);
      this.root.dataset.theme = theme;
    } else this.viewer.renew(data);
    this.network = network;
    this.root.dataset.whole = String(whole);
  }
}
