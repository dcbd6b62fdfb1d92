// Building the page: elements from data, never from text that is parsed as HTML; and how numbers are written.

export function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "style") for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const fill = (element, ...children) => element.replaceChildren(...children.flat(Infinity).filter(Boolean));

export async function get(path) {
  const answer = await fetch(`/inspector/api/${path}`);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error?.message ?? `The gateway answered ${answer.status}.`);
  return body;
}

export function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value < 0.001) return `${Math.round(value * 1e6)} µs`;
  if (value < 0.01) return `${(value * 1000).toFixed(1)} ms`;
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  return value < 60 ? `${value.toFixed(value < 10 ? 2 : 1)} s` : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}

export const count = (value) => (value < 10000 ? String(value) : `${(value / 1000).toFixed(value < 100000 ? 1 : 0)}k`);

export function clock(milliseconds) {
  const date = new Date(milliseconds);
  const text = date.toLocaleTimeString([], { hour12: false });
  return date.toDateString() === new Date().toDateString() ? text : `${date.toLocaleDateString([], { month: "short", day: "numeric" })} ${text}`;
}

export const parsed = (text) => { try { return JSON.parse(text); } catch { return undefined; } };

export const badge = (state) => h("span", { class: "badge", "data-state": state }, state);

export function copyable(text, shown = text) {
  const button = h("button", { class: "copy mono", title: `Copy ${text}`, type: "button" }, shown);
  button.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(text).catch(() => {});
    button.dataset.done = "copied";
    setTimeout(() => delete button.dataset.done, 900);
  });
  return button;
}

export const section = (title, note, ...content) =>
  h("section", {}, h("h2", {}, title, note ? h("span", { class: "note" }, note) : null), ...content);
