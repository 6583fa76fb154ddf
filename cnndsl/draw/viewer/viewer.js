// Shows a network that can be folded: `cnndslViewer(root, data)` fills an element, `data` is what states.py gives.
// Returns { show(key), go(state), state(), renew(data) }; `renew` shows the network as it has become. A choice of a box is told by the event "cnndsl-select" with its key.
"use strict";

function cnndslViewer(root, data) {
  const SVG = "http://www.w3.org/2000/svg";
  const find = (part) => root.querySelector(`[data-part="${part}"]`);
  const canvas = find("canvas"), scene = find("scene"), hint = find("hint"), box = find("search"), list = find("matches");
  const items = new Map(); // what is shown, by key
  let state = data.first, view = { x: 0, y: 0, zoom: 1 };

  // ---- the scene: each item is a group with a mark of SVG in it, moved to its place

  function go(name, anchor) {
    const before = anchor && place(anchor), old = state;
    draw(name);
    const after = anchor && place(anchor);
    if (before && after) move((before.x - after.x) * view.zoom, (before.y - after.y) * view.zoom, true);
    else if (old !== name || !anchor) fit();
    hide();
  }

  function draw(name) {
    state = name;
    const { items: wanted } = data.states[name];
    const keys = new Set(wanted.map(([key]) => key));
    for (const [key, group] of items) if (!keys.has(key)) { group.remove(); items.delete(key); }
    for (const [key, mark, x, y] of wanted) {
      const group = items.get(key) || added(key);
      const drawn = data.marks[mark];
      if (group.mark !== drawn) { group.innerHTML = drawn; group.mark = drawn; named(group, key); }
      group.style.transform = `translate(${x}px, ${y}px)`;
      scene.append(group);
    }
    root.querySelector("h1").textContent = data.network;
    root.querySelector(".told").textContent = data.facts;
    find("depth").textContent = `depth ${name.split(":")[0]} of ${data.depths.length}`;
    find("fewer").disabled = depth() <= 1;
    find("more").disabled = depth() >= data.depths.length;
  }

  // Of a network that is only shown in part, as it is being written, the depths are those that it had before.
  function renew(next) {
    const same = next.network === data.network;
    data = { ...data, ...next };
    const name = same && [state, state.split(":")[0]].find((each) => data.states[each]);
    if (name) draw(name);
    else go(data.first);
  }

  function added(key) {
    const group = document.createElementNS(SVG, "g");
    group.setAttribute("class", `item item-${key.split(" ", 1)[0]}`);
    items.set(key, group);
    return group;
  }

  function named(group, key) {
    const [kind, name] = parts(key);
    if (kind !== "box" && kind !== "frame") return;
    group.setAttribute("tabindex", "0");
    group.setAttribute("role", "button");
    group.setAttribute("aria-label", data.details[name] || name);
  }

  const parts = (key) => [key.split(" ", 1)[0], key.slice(key.indexOf(" ") + 1)];
  const depth = () => Number(state.split(":")[0]);

  function place(name) {
    const found = data.states[state].items.find(([key]) => key === `box ${name}` || key === `frame ${name}`);
    return found && { x: found[2], y: found[3] };
  }

  // ---- the view

  function apply(smooth) {
    scene.classList.toggle("smooth", Boolean(smooth));
    scene.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`;
  }

  function move(x, y, smooth) { view.x += x; view.y += y; apply(smooth); }

  function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const next = Math.min(8, Math.max(0.02, view.zoom * factor)), ratio = next / view.zoom;
    view = { x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio, zoom: next };
    apply();
  }

  function fit() {
    const [width, height] = data.states[state].size;
    const scale = Math.min(1.5, canvas.clientWidth / width, canvas.clientHeight / height) || 1;
    view = { x: (canvas.clientWidth - width * scale) / 2, y: (canvas.clientHeight - height * scale) / 2, zoom: scale };
    apply(true);
  }

  function center(group) {
    const at = group.getBoundingClientRect(), all = canvas.getBoundingClientRect();
    if (view.zoom < 0.6) zoom(0.9 / view.zoom, at.left + at.width / 2 - all.left, at.top + at.height / 2 - all.top);
    const now = group.getBoundingClientRect();
    move(all.left + all.width / 2 - now.left - now.width / 2, all.top + all.height / 2 - now.top - now.height / 2);
  }

  // ---- choosing, unfolding, folding

  function target(element) {
    const group = element.closest && element.closest(".item");
    return group ? [...items].find(([, each]) => each === group) : undefined;
  }

  function act(key) {
    const [kind, name] = parts(key), { opens, folds } = data.states[state];
    const next = kind === "box" ? opens[name] : kind === "frame" ? folds[name] : undefined;
    if (kind === "box" || kind === "frame") choose(name);
    if (next) {
      go(next, name);
      const group = items.get(`frame ${name}`) || items.get(`box ${name}`);
      if (group) group.focus({ preventScroll: true });
    }
  }

  function choose(name) {
    for (const [key, group] of items) group.classList.toggle("chosen", parts(key)[1] === name && key[0] !== "s");
    root.dispatchEvent(new CustomEvent("cnndsl-select", { detail: { key: name, told: data.details[name] } }));
  }

  function show(name) {
    const holds = (each) => data.states[each].items.some(([key]) => key === `box ${name}` || key === `frame ${name}`);
    const found = [state, data.first, ...Object.keys(data.states)].find(holds);
    if (!found) return false;
    if (found !== state) go(found);
    scene.classList.remove("smooth");
    const group = items.get(`box ${name}`) || items.get(`frame ${name}`);
    center(group);
    choose(name);
    group.focus({ preventScroll: true });
    return true;
  }

  // ---- what a pointer or the keyboard rests on

  function tell(key, x, y) {
    const [kind, name] = parts(key), told = data.details[name];
    if (!told || kind === "shape") return hide();
    hint.replaceChildren(...told.split("\n").map((line, at) => {
      const row = document.createElement(at ? "div" : "b");
      row.textContent = line;
      return row;
    }));
    hint.hidden = false;
    const left = Math.min(x + 14, root.clientWidth - hint.offsetWidth - 8);
    const top = y + 18 + hint.offsetHeight > root.clientHeight ? y - hint.offsetHeight - 12 : y + 18;
    hint.style.transform = `translate(${Math.max(8, left)}px, ${Math.max(8, top)}px)`;
    if (kind === "wire" || kind === "box") follow(name);
  }

  function follow(name) {
    for (const [key, group] of items) {
      if (!key.startsWith("wire ")) continue;
      const wire = group.firstElementChild.dataset;
      const near = wire.from === name || ` ${wire.to} `.includes(` ${name} `);
      group.classList.toggle("near", near);
    }
  }

  function hide() { hint.hidden = true; follow(null); }

  // ---- search

  function search() {
    const words = box.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const fits = ([name, told]) => words.every((word) => `${name}\n${told}`.toLowerCase().includes(word));
    const found = words.length ? Object.entries(data.details).filter(fits).slice(0, 12) : [];
    list.replaceChildren(...found.map(([name, told]) => {
      const row = document.createElement("li"), button = document.createElement("button");
      button.textContent = `${name}: ${told.split("\n")[1] || ""}`;
      button.addEventListener("click", () => { list.hidden = true; show(name); });
      row.append(button);
      return row;
    }));
    list.hidden = !words.length;
    if (words.length && !found.length) list.append(Object.assign(document.createElement("li"), { textContent: "nothing found" }));
  }

  // ---- what the user does

  const fingers = new Map();
  let dragged = 0;
  canvas.addEventListener("pointerdown", (event) => { fingers.set(event.pointerId, event); dragged = 0; });
  window.addEventListener("pointerup", (event) => fingers.delete(event.pointerId));
  window.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    const at = canvas.getBoundingClientRect();
    if (before) {
      const [x, y] = [event.clientX - before.clientX, event.clientY - before.clientY];
      dragged += Math.abs(x) + Math.abs(y);
      const other = [...fingers.values()].find((each) => each.pointerId !== event.pointerId);
      if (other) {
        const span = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
        zoom(span(event) / Math.max(1, span(before)), other.clientX - at.left, other.clientY - at.top);
      } else if (dragged > 4) move(x, y);
      fingers.set(event.pointerId, event);
      return;
    }
    const over = target(event.target);
    if (over) tell(over[0], event.clientX - root.getBoundingClientRect().left, event.clientY - root.getBoundingClientRect().top);
    else hide();
  });
  canvas.addEventListener("pointerleave", hide);
  canvas.addEventListener("click", (event) => {
    const over = dragged > 4 ? undefined : target(event.target);
    if (over) act(over[0]);
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const at = canvas.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.clientX - at.left, event.clientY - at.top);
  }, { passive: false });
  scene.addEventListener("focusin", (event) => {
    const over = target(event.target);
    if (!over || !event.target.matches(":focus-visible")) return;
    const at = event.target.getBoundingClientRect(), all = canvas.getBoundingClientRect();
    const outside = at.left < all.left || at.top < all.top || at.right > all.right || at.bottom > all.bottom;
    if (outside && at.width < all.width && at.height < all.height) center(event.target);
    const now = event.target.getBoundingClientRect(), frame = root.getBoundingClientRect();
    tell(over[0], now.left - frame.left, now.bottom - frame.top - 8);
  });

  const depthTo = (step) => {
    const next = depth() + step;
    if (data.states[next]) go(String(next));
  };
  const keys = {
    "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: fit,
    "[": () => depthTo(-1), "]": () => depthTo(1),
    ArrowLeft: () => move(60, 0), ArrowRight: () => move(-60, 0), ArrowUp: () => move(0, 60), ArrowDown: () => move(0, -60),
    "/": () => box.focus(), Escape: () => { hide(); list.hidden = true; },
  };
  document.addEventListener("keydown", (event) => {
    const elsewhere = event.target !== document.body && !root.contains(event.target);
    if (elsewhere || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === box) {
      if (event.key === "Enter") { const first = list.querySelector("button"); if (first) first.click(); }
      if (event.key === "Escape") { list.hidden = true; canvas.focus(); }
      return;
    }
    const over = target(event.target);
    if (over && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); act(over[0]); return; }
    if (event.target.matches("button") && (event.key === "Enter" || event.key === " ")) return;
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
  box.addEventListener("input", search);
  find("fewer").addEventListener("click", () => depthTo(-1));
  find("more").addEventListener("click", () => depthTo(1));
  find("out").addEventListener("click", () => zoom(0.8));
  find("in").addEventListener("click", () => zoom(1.25));
  find("fit").addEventListener("click", fit);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = (wanted) => { root.dataset.theme = wanted ? "dark" : "light"; };
  dark.addEventListener("change", (event) => paint(event.matches));
  find("theme").addEventListener("click", () => paint(root.dataset.theme !== "dark"));
  paint(dark.matches);
  new ResizeObserver(fit).observe(canvas);
  go(data.first);
  return { show, go, state: () => state, renew };
}
