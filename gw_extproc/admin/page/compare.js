// The Responses request beside the Chat request: what became of each field, and where each came from.

import { h } from "./dom.js";

const BECOMES = {
  input: ["messages"], instructions: ["messages"], prompt: ["messages"], previous_response_id: ["messages"], conversation: ["messages"],
  max_output_tokens: ["max_completion_tokens", "max_tokens"], text: ["response_format", "verbosity"], reasoning: ["reasoning_effort"],
  top_logprobs: ["top_logprobs", "logprobs"], include: ["logprobs"], stream: ["stream", "stream_options"],
};
const HANDLED = new Set(["store", "background", "include", "truncation", "context_management", "max_tool_calls", "stream", "stream_options", "metadata",
  "previous_response_id", "conversation", "prompt"]);
const LONGEST = 600;

const equal = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const bare = (path) => path.replaceAll(/\[\d*\]/g, "");

// The notices about a field, or about what is inside of it.
function about(name, value, notices) {
  const types = name === "tools" && Array.isArray(value) ? new Set(value.flatMap((tool) => [tool.type, tool.name])) : new Set();
  return notices.filter(({ treatment = "", field }) =>
    bare(field).split(".")[0] === name || (treatment.startsWith("tools") && types.has(field)) || (name === "input" && /^(items|calls|outputs)/.test(treatment)));
}

// What it became, and the dialect's rules that had a part in it.
function fate(name, value, chat, { notices, rules }) {
  const said = about(name, value, notices);
  const { mark, words } = became(name, value, chat, said);
  const acted = [...said, ...about(name, value, rules)].map(({ rule }) => rule).filter(Boolean);
  return { mark, words: [...words, ...[...new Set(acted)].map((rule) => `rule ${rule}`)] };
}

function became(name, value, chat, said) {
  const targets = (BECOMES[name] ?? [name]).filter((target) => target in chat);
  const words = said.map(({ treatment, field }) => (bare(field) === name ? treatment : `${treatment}: ${field}`));
  if (said.length) return { mark: targets.length ? "changed" : "dropped", words: [...targets.filter((target) => target !== name).map((target) => `→ ${target}`), ...words] };
  if (value === null) return { mark: "quiet", words: ["null"] };
  if (equal(chat[name], value)) return { mark: "same", words: [] };
  if (targets.length) return { mark: "changed", words: [targets[0] === name ? "rewritten" : `→ ${targets.join(", ")}`] };
  return { mark: "quiet", words: [HANDLED.has(name) ? "handled here" : "says nothing to the model"] };
}

function origin(name, value, request) {
  if (equal(request[name], value)) return { mark: "same", words: [] };
  const from = Object.keys(BECOMES).filter((source) => BECOMES[source].includes(name) && request[source] !== undefined && request[source] !== null);
  if (name in request) return { mark: "changed", words: ["rewritten"] };
  return from.length ? { mark: "changed", words: [`← ${from.join(", ")}`] } : { mark: "added", words: ["added"] };
}

// JSON with colours, long texts shortened until they are clicked.
export function json(value, indent = "") {
  if (typeof value === "string") return [text(value)];
  if (value === null || typeof value !== "object") return [h("span", { class: "j-other" }, String(value))];
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  const entries = Object.entries(value);
  if (!entries.length) return [open + close];
  const inner = `${indent}  `;
  return [open, entries.map(([key, each], index) => [
    `\n${inner}`, Array.isArray(value) ? null : [h("span", { class: "j-key" }, JSON.stringify(key)), ": "], json(each, inner), index < entries.length - 1 ? "," : "",
  ]), `\n${indent}${close}`];
}

function text(value) {
  const whole = JSON.stringify(value);
  const span = h("span", { class: "j-text" }, whole.length > LONGEST ? whole.slice(0, LONGEST) : whole);
  if (whole.length <= LONGEST) return span;
  const more = h("button", { type: "button", class: "more" }, `… ${whole.length.toLocaleString()} characters`);
  more.addEventListener("click", () => { span.textContent = whole; more.remove(); });
  return [span, more];
}

function field(name, value, { mark, words }) {
  return h("div", { class: "field", "data-mark": mark },
    h("div", { class: "words" }, words.map((word) => h("span", {}, word))),
    h("pre", {}, h("span", { class: "j-key" }, JSON.stringify(name)), ": ", json(value)));
}

export const fields = (object, judge) => Object.entries(object).map(([name, value]) => field(name, value, judge(name, value)));

export function compare(request, chat, told) {
  return h("div", { class: "compare" },
    h("div", { class: "side" }, h("h3", {}, "Responses request"), fields(request, (name, value) => fate(name, value, chat, told))),
    h("div", { class: "side" }, h("h3", {}, "Chat request"), fields(chat, (name, value) => origin(name, value, request))));
}
