// The live list: what was asked last, narrowed by its filters, kept up to date by one event stream.

import { badge, clock, count, fill, get, h, seconds } from "./dom.js";

const MOST = 300;
const live = document.getElementById("live");

function curl(port) {
  return `curl http://${location.hostname}:${port}/v1/responses -H 'content-type: application/json' \\\n  -d '{"model": "demo", "input": "Hello!"}'`;
}

export class List {
  constructor(about) {
    this.rows = new Map();
    this.selected = null;
    this.port = about.port || 8080;
    this.onchange = () => {};
    this.source = null;
    const option = (value, text = value) => h("option", { value }, text);
    this.filters = {
      id: h("input", { type: "search", placeholder: "response or request id", "aria-label": "Id", spellcheck: "false" }),
      model: h("input", { type: "search", placeholder: "model", "aria-label": "Model", spellcheck: "false" }),
      state: h("select", { "aria-label": "State" }, option("", "any state"), about.states?.map((state) => option(state))),
      slow: h("select", { "aria-label": "Duration" }, option("", "any time"), [0.5, 1, 5, 10, 30].map((value) => option(value, `≥ ${value} s`))),
      tenant: h("input", { type: "search", placeholder: "tenant", "aria-label": "Tenant", spellcheck: "false", maxlength: "8" }),
      errors: this.toggle("errors"),
      all: this.toggle("all requests"),
    };
    this.clear = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => this.reset() }, "clear");
    const form = h("form", { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() }, Object.values(this.filters), this.clear);
    let waiting;
    form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(() => this.follow(), 200); });
    this.body = h("ol", { class: "rows", "aria-label": "Exchanges" });
    this.element = h("div", { class: "list" }, form, this.body);
  }

  toggle(text) {
    const box = h("input", { type: "checkbox" });
    const label = h("label", { class: "toggle" }, box, text);
    Object.defineProperty(label, "value", { get: () => (box.checked ? "1" : ""), set: (value) => { box.checked = value === "1"; } });
    return label;
  }

  query() {
    const given = Object.entries(this.filters).map(([name, field]) => [name, field.value.trim()]).filter(([, value]) => value !== "");
    this.clear.hidden = given.length === 0;
    return new URLSearchParams(given).toString();
  }

  reset() {
    for (const field of Object.values(this.filters)) field.value = "";
    this.follow();
  }

  // Reads the list as the filters want it, and then what changes.
  async follow() {
    const query = this.query();
    this.source?.close();
    const source = this.source = new EventSource(`/inspector/api/stream?${query}`);
    source.onopen = () => { this.say("live"); this.read(query, source); };
    source.onerror = () => this.say("waiting", "reconnecting");
    source.onmessage = (event) => { this.merge(JSON.parse(event.data).exchanges); };
  }

  async read(query, source) {
    const found = await get(`exchanges?${query}`).catch((error) => error);
    if (source !== this.source) return;
    if (found instanceof Error) return this.say("waiting", found.message);
    this.rows.clear();
    this.merge(found.exchanges, true);
  }

  say(state, text = state) {
    live.dataset.state = state;
    live.textContent = text;
  }

  merge(rows, quiet = false) {
    for (const row of rows) {
      this.rows.set(row.id, row);
      if (!quiet && row.id === this.selected) this.onchange(row);
    }
    this.draw();
  }

  draw() {
    const sorted = [...this.rows.values()].sort((one, other) => other.at - one.at).slice(0, MOST);
    this.rows = new Map(sorted.map((row) => [row.id, row]));
    const longest = Math.max(0.001, ...sorted.map((row) => row.seconds));
    const known = new Map([...this.body.children].map((element) => [element.dataset.id, element]));
    const items = sorted.map((row) => {
      const element = known.get(row.id);
      const said = JSON.stringify(row) + longest;
      if (element?.said === said) return element;
      const focused = element?.contains(document.activeElement);
      const fresh = line(row, longest);
      fresh.said = said;
      if (focused) queueMicrotask(() => fresh.firstChild.focus());
      return fresh;
    });
    if (items.length) fill(this.body, items);
    else fill(this.body, this.empty());
    this.select(this.selected);
  }

  empty() {
    if (!this.clear.hidden) return h("li", { class: "empty" }, h("p", {}, "Nothing here matches these filters."));
    return h("li", { class: "empty" },
      h("p", {}, "No exchanges yet. Send one from the ", h("a", { href: "#/play" }, "playground"), ", or with"),
      h("pre", {}, curl(this.port)),
      h("p", { class: "note" }, "They show up here while they run."));
  }

  select(id) {
    this.selected = id;
    for (const element of this.body.children) {
      if (element.dataset.id === id) element.firstChild.setAttribute("aria-current", "true");
      else element.firstChild?.removeAttribute?.("aria-current");
    }
  }

  step(by) {
    const ids = [...this.rows.keys()];
    const next = ids[Math.max(0, Math.min(ids.length - 1, this.selected === null ? 0 : ids.indexOf(this.selected) + by))];
    if (!next) return;
    location.hash = `#/x/${next}`;
    [...this.body.children].find((element) => element.dataset.id === next)?.scrollIntoView({ block: "nearest" });
  }

  search() {
    if (location.hash.startsWith("#/play")) location.hash = "#/";
    this.filters.id.focus();
  }
}

function line(row, longest) {
  const tokens = row.tokens ? `${count(row.tokens.input)} → ${count(row.tokens.output)}` : "";
  const width = `${Math.max(1.5, (Math.sqrt(row.seconds) / Math.sqrt(longest)) * 100)}%`;
  const first = row.first_token !== null && row.seconds > 0 ? `${Math.min(100, (row.first_token / row.seconds) * 100)}%` : null;
  const flags = [
    row.notices ? h("span", { class: "flag", title: "Fields that were left out or changed" }, `${row.notices} changed`) : null,
    row.tools ? h("span", { class: "flag", title: "Tools that the gateway ran" }, `${row.tools} tools`) : null,
    row.reason ? h("span", { class: "flag" }, row.reason.replaceAll("_", " ")) : null,
    row.background ? h("span", { class: "flag" }, "background") : null,
    row.left ? h("span", { class: "flag warn" }, "client left") : null,
  ];
  return h("li", { "data-id": row.id },
    h("a", { href: `#/x/${row.id}`, class: "row", "data-state": row.state },
      h("time", {}, clock(row.at)),
      badge(row.state),
      h("span", { class: "what" },
        h("strong", {}, row.model ?? `${row.method} ${row.route}`),
        row.error ? h("span", { class: "error" }, [row.error, row.param].filter(Boolean).join(" · ")) : null,
        flags,
        row.response_id ? h("span", { class: "mono id", title: row.response_id }, row.response_id) : null),
      h("span", { class: "door", title: row.stream ? "streamed" : "" }, row.door, row.stream ? " ⋯" : ""),
      h("span", { class: "tokens", title: "tokens in → out" }, tokens),
      h("span", { class: "took" },
        h("span", { class: "bar", style: { width } }, first ? h("i", { style: { left: first }, title: `first token after ${seconds(row.first_token)}` }) : null),
        h("span", { class: "number" }, seconds(row.seconds))),
      h("span", { class: "tenant mono", title: "tenant" }, row.tenant)));
}
