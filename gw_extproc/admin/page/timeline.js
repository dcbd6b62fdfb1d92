// When what happened: one lane for each step, all on the scale of the exchange.

import { h, seconds } from "./dom.js";

const NAMES = { translate: "translate", store: "store", model: "model", tool: "tool", list_tools: "list tools" };

const percent = (value, total) => `${Math.max(0, Math.min(100, (value / total) * 100))}%`;

function ticks(total) {
  const rough = total / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  return Array.from({ length: Math.floor((total * 0.96) / step) + 1 }, (_, index) => index * step);
}

function lane(name, note, took, ...marks) {
  return h("div", { class: "lane" }, h("span", { class: "lane-name", title: note || name }, name, note ? h("small", {}, note) : null),
    h("span", { class: "track" }, marks), h("span", { class: "number" }, took));
}

function bar(kind, began, ended, total, title, failed) {
  const width = Math.max(0, (ended ?? total) - began);
  return h("i", {
    class: "span", "data-kind": kind, "data-failed": Boolean(failed), "data-open": ended === null,
    style: { left: percent(began, total), width: `max(2px, ${percent(width, total)})` }, title,
  });
}

export function timeline(exchange, events) {
  const ends = [exchange.seconds, ...exchange.steps.map((step) => step.ended ?? 0), ...events.map((event) => event.at)];
  const total = Math.max(0.0005, ...ends);
  const lanes = exchange.steps.map((step) => {
    const tool = step.facts["gen_ai.tool.name"];
    const took = seconds((step.ended ?? total) - step.began);
    const facts = Object.entries(step.facts).map(([name, value]) => `${name}: ${value}`).join("\n");
    const title = `${step.kind} ${step.name}: ${took}, from ${seconds(step.began)}${step.failed ? `\nfailed: ${step.failed}` : ""}\n${facts}`;
    const problem = step.failed ? h("b", { class: "took-at", style: { left: percent(Math.min(step.ended ?? total, total * 0.7), total) } }, step.failed) : null;
    return lane(NAMES[step.kind] ?? step.kind, tool ? `${step.name} · ${tool}` : step.name, took, bar(step.kind, step.began, step.ended, total, title, step.failed), problem);
  });
  const first = exchange.first_token;
  const pace = exchange.pace;
  if (first !== null) {
    const flow = events.length
      ? events.map((event) => h("i", { class: "tick", style: { left: percent(event.at, total) }, title: `${event.type} at ${seconds(event.at)}` }))
      : [bar("flow", first, pace.last ?? first, total, `${pace.count} pieces`)];
    lanes.push(lane("answer", `${pace.count} pieces`, pace.last === null ? "" : seconds(pace.last - first), flow));
  }
  return h("div", { class: "timeline" },
    h("div", { class: "lane axis" }, h("span", { class: "lane-name" }), h("span", { class: "track" },
      ticks(total).map((at) => h("span", { class: "at", style: { left: percent(at, total) } }, at === 0 ? "0" : seconds(at))))),
    h("div", { class: "lanes" },
      lane("exchange", exchange.door, seconds(exchange.seconds), bar("whole", 0, exchange.state === "running" ? null : exchange.seconds, total, `all of it: ${seconds(exchange.seconds)}`)),
      lanes,
      first === null ? null : h("div", { class: "lane over", "aria-hidden": "true" }, h("span", { class: "lane-name" }), h("span", { class: "track" },
        h("i", { class: "first", style: { left: percent(first, total) } }, h("span", {}, `first token ${seconds(first)}`))))));
}

export function gaps(pace) {
  const most = Math.max(...pace.gaps);
  if (most === 0) return null;
  const names = [...pace.bounds.map((bound) => `≤ ${seconds(bound)}`), `> ${seconds(pace.bounds.at(-1))}`];
  const from = pace.gaps.findIndex(Boolean);
  const until = pace.gaps.findLastIndex(Boolean);
  return h("div", { class: "gaps" }, pace.gaps.slice(Math.max(0, from - 1), until + 2).map((number, index) => {
    const name = names[Math.max(0, from - 1) + index];
    return h("span", { class: "gap", title: `${number} gaps ${name}` }, h("i", { style: { height: `${(number / most) * 100}%` } }), h("small", {}, name), h("b", {}, number));
  }));
}
