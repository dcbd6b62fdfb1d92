// Everything about one exchange.

import { badge, clock, copyable, count, get, h, parsed, seconds, section } from "./dom.js";
import { compare, fields, json } from "./compare.js";
import { gaps, timeline } from "./timeline.js";

const MOST_EVENTS = 400;
const MOST_TURNS = 20;

// The server-sent events that were captured, one by one, with the time of the piece that brought them.
export function events(pieces) {
  return pieces.flatMap(([at, text]) => text.split("\n\n").flatMap((block) => {
    const data = block.split("\n").find((row) => row.startsWith("data: "))?.slice(6);
    if (!data || data === "[DONE]") return [];
    const body = parsed(data);
    return [{ at, type: body?.type ?? "(cut)", body: body ?? data }];
  }));
}

export function answer(response) {
  return h("div", { class: "answer" }, (response.output ?? []).map(item));
}

function item(value) {
  const text = (parts, name) => (parts ?? []).map((part) => part[name] ?? part.refusal ?? "").join("");
  switch (value.type) {
    case "message": return h("p", { class: "said" }, text(value.content, "text"));
    case "reasoning": return h("details", {}, h("summary", {}, "Reasoning"), h("p", { class: "said thought" }, text(value.content, "text") || text(value.summary, "text")));
    case "function_call": return h("p", { class: "call mono" }, h("strong", {}, value.name), ` ${value.arguments}`);
    default: return h("details", {}, h("summary", {}, value.type), h("pre", {}, json(value)));
  }
}

function facts(exchange) {
  const tokens = exchange.tokens;
  const flow = exchange.pace.last !== null && exchange.first_token !== null ? exchange.pace.last - exchange.first_token : 0;
  const rate = tokens && flow > 0.02 && tokens.output > 1 ? `${((tokens.output - 1) / flow).toFixed(0)} t/s` : null;
  const detailed = (number, of, word) => [count(number), of ? h("small", {}, ` ${count(of)} ${word}`) : null];
  const all = [
    ["duration", seconds(exchange.seconds)],
    ["first token", exchange.first_token === null ? null : seconds(exchange.first_token)],
    ["added by the gateway", exchange.added_to_first_token === null ? null : seconds(exchange.added_to_first_token), "until the first token"],
    ["tokens in", tokens && detailed(tokens.input, tokens.cached, "cached")],
    ["tokens out", tokens && detailed(tokens.output, tokens.reasoning, "reasoning")],
    ["speed", rate, "tokens per second after the first"],
    ["longest gap", exchange.pace.longest ? seconds(exchange.pace.longest) : null],
  ];
  return h("dl", { class: "facts" }, all.filter(([, value]) => value !== null && value !== undefined).map(([name, value, note]) =>
    h("div", { title: note }, h("dt", {}, name), h("dd", {}, value))), tokens?.estimated ? h("div", {}, h("dt", {}, "usage"), h("dd", {}, "estimated")) : null);
}

function names(exchange) {
  const called = exchange.upstream_model && exchange.upstream_model !== exchange.model ? ` → ${exchange.upstream_model}` : "";
  const answered = exchange.answered_model && ![exchange.model, exchange.upstream_model].includes(exchange.answered_model) ? ` (answered as ${exchange.answered_model})` : "";
  const pairs = [
    ["model", exchange.model && `${exchange.model}${called}${answered}`],
    ["dialect", exchange.dialect],
    ["status", [exchange.http, exchange.error, exchange.param, exchange.error_type !== exchange.error && exchange.error_type, exchange.reason, exchange.finish_reason && `finish_reason ${exchange.finish_reason}`].filter(Boolean).join(" · ")],
    ["client left", exchange.left],
    ["kind", [exchange.door, exchange.stream ? "streamed" : "", exchange.background ? "background" : ""].filter(Boolean).join(" · ")],
    ["stored", exchange.stored === null ? null : exchange.stored ? "yes" : "no"],
    ["request", exchange.request_id && copyable(exchange.request_id)],
    ["trace", exchange.trace_id && copyable(exchange.trace_id)],
    ["tenant", exchange.tenant && h("span", { class: "mono" }, exchange.tenant)],
    ["worker", exchange.worker],
    ["began", clock(exchange.at)],
  ];
  return h("dl", { class: "names" }, pairs.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function phases(exchange) {
  const spent = Object.entries(exchange.phases);
  if (!spent.length) return null;
  const total = spent.reduce((sum, [, value]) => sum + value, 0);
  return h("p", { class: "phases" }, "the gateway's own work ", h("b", {}, seconds(total)), spent.map(([name, value]) => h("span", {}, `${name.replaceAll("_", " ")} `, h("b", {}, seconds(value)))));
}

function notices({ notices, rules, dialect }, meanings) {
  const kinds = Object.entries(Object.groupBy([...notices, ...rules], ({ treatment }) => treatment ?? "another form"));
  return !kinds.length ? null : section("Left out or changed", `for the dialect ${dialect}, by its rules`, h("dl", { class: "notices" }, kinds.map(([kind, all]) => [
    h("dt", {}, kind), h("dd", {}, all.map(({ treatment, field, rule }) => h("span", {}, h("code", { "data-lost": Boolean(treatment) }, field), rule && h("small", { title: meanings[rule] }, ` ${rule}`))))])));
}

function requests(exchange, captured) {
  const request = parsed(captured.request);
  const chats = captured.chats.map((text) => parsed(text));
  const shown = (index) => (request && chats[index] ? compare(request, chats[index], exchange) : h("div", { class: "compare" },
    h("div", { class: "side" }, h("h3", {}, "Responses request"), request ? fields(request, () => ({ mark: "same", words: [] })) : h("pre", {}, captured.request || "none")),
    h("div", { class: "side" }, h("h3", {}, "Chat request"), chats[index] ? h("pre", {}, json(chats[index])) : h("pre", {}, captured.chats[index] ?? "none"))));
  const place = h("div", {}, shown(0));
  const choose = chats.length < 2 ? null : h("div", { class: "tabs", role: "group", "aria-label": "Model calls" }, chats.map((_, index) => h("button", {
    type: "button", "aria-pressed": String(index === 0),
    onclick: (event) => {
      for (const each of event.target.parentElement.children) each.setAttribute("aria-pressed", String(each === event.target));
      place.replaceChildren(shown(index));
    },
  }, `call ${index + 1}`)));
  return section("Request", captured.cut ? "too large: cut" : null, choose, place);
}

function said(list) {
  if (!list.length) return null;
  const line = (event, index) => {
    const gap = index ? event.at - list[index - 1].at : 0;
    const short = event.body?.delta ?? event.body?.item?.type ?? event.body?.response?.status ?? "";
    return h("details", { class: "event", "data-key": `event-${index}` },
      h("summary", {}, h("span", { class: "number" }, seconds(event.at)), h("span", { class: "number gap-of", "data-long": gap > 0.5 }, index && gap > 0.0005 ? `+${seconds(gap)}` : ""),
        h("span", { class: "type" }, event.type.replace("response.", "")), h("span", { class: "delta" }, typeof short === "string" ? short : "")),
      h("pre", {}, json(event.body)));
  };
  const body = h("div", { class: "events" }, list.slice(0, MOST_EVENTS).map(line));
  const more = list.length > MOST_EVENTS ? h("button", { type: "button", class: "quiet", onclick: (event) => { event.target.remove(); body.append(...list.slice(MOST_EVENTS).map((each, index) => line(each, index + MOST_EVENTS))); } }, `${list.length - MOST_EVENTS} more`) : null;
  return section("Events", `${list.length}`, body, more);
}

function question(captured) {
  const input = parsed(captured?.request ?? "")?.input;
  if (typeof input === "string") return input;
  const last = Array.isArray(input) ? input.findLast((each) => each.role === "user" || each.output !== undefined) : undefined;
  if (!last) return "";
  const content = last.content ?? last.output;
  return typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? `[${part.type}]`).join(" ");
}

async function thread(exchange) {
  if (!exchange.thread) return null;
  const { exchanges } = await get(`exchanges?thread=${exchange.thread}&limit=${MOST_TURNS}`);
  if (exchanges.length < 2) return null;
  const turns = await Promise.all(exchanges.reverse().map((row) => (row.id === exchange.id ? exchange : get(`exchanges/${row.id}`).catch(() => row))));
  return section("Thread", `${turns.length} turns`, h("ol", { class: "thread" }, turns.map((turn) => {
    const response = parsed(turn.captured?.answer ?? "");
    return h("li", { "aria-current": turn.id === exchange.id ? "true" : null },
      h("a", { href: `#/x/${turn.id}` }, h("time", {}, clock(turn.at)), badge(turn.state), h("span", { class: "mono id" }, turn.response_id), h("span", { class: "number" }, seconds(turn.seconds))),
      turn.captured ? [h("p", { class: "asked" }, question(turn.captured)), response ? answer(response) : null] : null);
  })));
}

export async function detail(id, about) {
  const exchange = await get(`exchanges/${encodeURIComponent(id)}`);
  const captured = exchange.captured;
  const list = captured ? events(captured.events) : [];
  const response = captured && parsed(captured.answer);
  const histogram = gaps(exchange.pace);
  return h("article", {},
    h("header", { class: "title" },
      h("a", { href: "#/", class: "back", "aria-label": "Back to the list" }, "←"),
      h("h1", {}, exchange.response_id ? copyable(exchange.response_id) : `${exchange.method} ${exchange.route}`),
      badge(exchange.state)),
    facts(exchange),
    names(exchange),
    section("Time line", null, timeline(exchange, list), phases(exchange),
      histogram ? h("details", { "data-key": "gaps" }, h("summary", {}, "Gaps between pieces"), histogram) : null),
    notices(exchange, about.rules),
    await thread(exchange),
    captured && (captured.request || captured.chats.length) ? requests(exchange, captured) : null,
    captured ? null : h("p", { class: "hint" }, about.content ? "The contents of this exchange were not captured, or had to make room for later ones." : ["Contents are not captured. Start the gateway with ", h("code", {}, "--inspector content"), " to see requests, events and answers here."]),
    response?.output ? section("Answer", null, answer(response)) : response?.error ? section("Answer", null, h("pre", {}, json(response))) : null,
    said(list));
}
