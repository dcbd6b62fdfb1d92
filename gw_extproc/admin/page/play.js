// The playground: a request is sent as any client would send it, and watched while it is answered.

import { badge, fill, h, parsed, seconds, section } from "./dom.js";
import { compare, json } from "./compare.js";
import { answer } from "./detail.js";

const weather = { type: "function", name: "get_weather", description: "The weather in a city.", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } };
const person = { type: "object", properties: { name: { type: "string" }, age: { type: "integer" } }, required: ["name", "age"], additionalProperties: false };
const EXAMPLES = {
  Stream: { input: "Hello!", stream: true },
  Object: { input: "Hello!" },
  Tool: { input: "How is the weather in Rome?", tools: [weather], stream: true },
  Schema: { input: "Ada is 36.", text: { format: { type: "json_schema", name: "person", schema: person, strict: true } }, stream: true },
  Background: { input: "Take your time.", background: true, stream: true },
};

export function playground(about, known) {
  let model = known ?? "demo";
  let before = null;
  let going = null;
  const body = h("textarea", { "aria-label": "Request", spellcheck: "false", rows: "16", class: "mono" });
  const key = h("input", { type: "password", placeholder: about.has_key ? "the gateway has a key" : "API key, if the upstream wants one", "aria-label": "API key", autocomplete: "off" });
  const out = h("div", { class: "out", "aria-live": "off" }, h("p", { class: "empty" }, "The answer appears here while it comes."));
  const note = h("p", { class: "problem", role: "alert" });
  const write = (request) => { body.value = JSON.stringify({ model, ...request }, null, 2); check(); };
  const follow = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => write({ input: "And then?", previous_response_id: before, stream: true }) }, "Continue it");
  const stop = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => going?.abort() }, "Stop");
  const send = h("button", { type: "submit", class: "primary" }, "Send");

  function check() {
    const request = parsed(body.value);
    if (request?.model) model = request.model;
    note.textContent = request === undefined ? "This is not JSON." : "";
    send.disabled = request === undefined;
    return request;
  }

  async function ask(explain) {
    const request = check();
    if (request === undefined) return;
    going?.abort();
    going = new AbortController();
    stop.hidden = false;
    const view = new View(request);
    fill(out, view.element);
    try {
      const headers = { "content-type": "application/json", ...(explain ? { "x-gateway-explain": "1" } : {}), ...(key.value ? { authorization: `Bearer ${key.value}` } : {}) };
      const response = await fetch("/inspector/api/playground", { method: "POST", headers, body: body.value, signal: going.signal });
      await view.read(response);
    } catch (error) {
      view.end(error.name === "AbortError" ? "stopped" : error.message);
    }
    stop.hidden = true;
    before = view.id ?? before;
    follow.hidden = before === null;
  }

  body.addEventListener("input", check);
  body.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) ask(false); });
  write(EXAMPLES.Stream);
  return h("div", { class: "play" },
    h("form", { onsubmit: (event) => { event.preventDefault(); ask(false); } },
      h("div", { class: "tabs", role: "group", "aria-label": "Examples" }, Object.entries(EXAMPLES).map(([name, request]) => h("button", { type: "button", onclick: () => write(request) }, name)), follow),
      body, note, key,
      h("div", { class: "actions" }, send, h("button", { type: "button", onclick: () => ask(true) }, "Explain"), stop, h("span", { class: "note" }, "Ctrl Enter sends; the key stays in this page"))),
    out);
}

class View {
  constructor(request) {
    this.request = request;
    this.began = performance.now();
    this.first = null;
    this.last = this.began;
    this.id = null;
    this.number = 0;
    this.state = h("span", {}, badge("running"));
    this.times = h("span", { class: "note" });
    this.text = h("div", { class: "answer" });
    this.streaming = null;
    this.log = h("div", { class: "events" });
    this.link = h("span", {});
    this.rest = h("div", {});
    this.element = h("div", {}, h("div", { class: "title" }, this.state, this.times, this.link), this.text, this.rest);
  }

  async read(response) {
    if (!(response.headers.get("content-type") ?? "").startsWith("text/event-stream")) return this.whole(response.status, await response.json());
    fill(this.rest, section("Events", null, this.log));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      const blocks = (rest + piece.value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) this.event(block);
    }
    return this.end();
  }

  whole(status, object) {
    if (object.object === "gateway.explanation") {
      const { chat_request: chat, ...others } = object;
      fill(this.text);
      fill(this.rest, compare(this.request, chat, others), h("pre", { class: "block" }, json(others)));
      return this.end("explained");
    }
    if (object.error && status >= 400) {
      fill(this.rest, h("pre", { class: "block" }, json(object)));
      return this.end(`rejected`, status);
    }
    this.took(object);
    fill(this.rest, h("details", {}, h("summary", {}, "Response object"), h("pre", { class: "block" }, json(object))));
    return this.end(object.status);
  }

  event(block) {
    const data = block.split("\n").find((row) => row.startsWith("data: "))?.slice(6);
    const body = parsed(data ?? "");
    if (!body) return;
    const now = performance.now();
    const gap = (now - this.last) / 1000;
    this.last = now;
    const isDelta = typeof body.delta === "string";
    if (isDelta && this.first === null) this.first = now;
    if (body.type === "response.output_text.delta" || body.type.startsWith("response.reasoning") && isDelta || body.type === "response.function_call_arguments.delta") {
      if (this.streaming?.dataset.item !== body.item_id) this.text.append(this.streaming = h("p", { class: body.type.includes("output_text") ? "said" : "said thought", "data-item": body.item_id }));
      this.streaming.append(body.delta);
    }
    if (body.response) { this.took(body.response, body.type === "response.completed" || body.type === "response.incomplete"); this.status = body.response.status; }
    if (body.type === "error") { this.status = "failed"; this.text.append(h("pre", { class: "block" }, json(body))); }
    this.log.append(h("details", { class: "event" },
      h("summary", {}, h("span", { class: "number" }, seconds((now - this.began) / 1000)), h("span", { class: "number gap-of", "data-long": gap > 0.5 }, this.number && gap > 0.0005 ? `+${seconds(gap)}` : ""),
        h("span", { class: "type" }, body.type.replace("response.", "")), h("span", { class: "delta" }, isDelta ? body.delta : "")),
      h("pre", {}, json(body))));
    this.number += 1;
    this.say();
  }

  took(response, whole = true) {
    this.id = response.id;
    fill(this.link, h("a", { href: "#/", onclick: (event) => this.open(event) }, "show the exchange"));
    if (whole && response.output?.length) fill(this.text, answer(response));
  }

  async open(event) {
    event.preventDefault();
    const found = await fetch(`/inspector/api/exchanges?id=${this.id}&limit=1`).then((each) => each.json());
    location.hash = found.exchanges.length ? `#/x/${found.exchanges[0].id}` : "#/";
  }

  say() {
    const first = this.first === null ? "" : `first token ${seconds((this.first - this.began) / 1000)} · `;
    this.times.textContent = `${first}${seconds((performance.now() - this.began) / 1000)}`;
  }

  end(state = this.status ?? "done", status = null) {
    fill(this.state, badge(state));
    this.say();
    if (status) this.times.textContent += ` · HTTP ${status}`;
  }
}
