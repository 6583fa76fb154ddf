// Light or dark, as the system has it until one chooses.

export function followTheme(button: HTMLElement): void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const parts = [document.documentElement, document.querySelector<HTMLElement>(".viewer")!];
  const paint = (dark: boolean): void => parts.forEach((part) => (part.dataset.theme = dark ? "dark" : "light"));
  system.addEventListener("change", ({ matches }) => paint(matches));
  button.addEventListener("click", () => paint(parts[0].dataset.theme !== "dark"));
  paint(system.matches);
}
