// The page: which view is shown, by the part of the address after #.

import { fill, get, h } from "./dom.js";
import { detail } from "./detail.js";
import { List } from "./list.js";
import { playground } from "./play.js";

const main = document.getElementById("main");
const about = await get("about").catch((error) => ({ error: error.message }));
document.getElementById("about").textContent = about.error ? "" : `${about.dialect}${about.workers > 1 ? ` · ${about.workers} workers` : ""}`;

const list = new List(about);
const side = h("aside", { id: "detail", "aria-label": "Exchange" });
const split = h("div", { class: "split" }, list.element, side);
let play = null;
let shown = null;

async function show() {
  const [view, id] = location.hash.replace(/^#\/?/, "").split("/");
  const isPlay = view === "play";
  for (const link of document.querySelectorAll("nav a")) {
    if ((link.dataset.view === "play") === isPlay) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (about.error) return fill(main, h("p", { class: "empty" }, about.error));
  if (isPlay) {
    play ??= playground(about, [...list.rows.values()].find((row) => row.model)?.model);
    if (!play.isConnected) fill(main, play);
    shown = null;
    return undefined;
  }
  if (!split.isConnected) fill(main, split);
  const opened = view === "x" ? decodeURIComponent(id) : null;
  split.classList.toggle("open", opened !== null);
  list.select(opened);
  if (opened === shown) return undefined;
  shown = opened;
  if (opened === null) return fill(side);
  fill(side, await detail(opened, about).catch((error) => h("p", { class: "empty" }, error.message)));
  side.scrollTop = 0;
  if (matchMedia("(max-width: 999px)").matches) scrollTo(0, 0);
  return undefined;
}

// What is looked at while it runs is looked at again when it has changed.
list.onchange = async (row) => {
  if (row.id !== shown || !split.isConnected) return;
  const top = side.scrollTop;
  const open = new Set([...side.querySelectorAll("details[open][data-key]")].map((each) => each.dataset.key));
  const again = await detail(row.id, about).catch(() => null);
  if (again === null || row.id !== shown) return;
  for (const each of again.querySelectorAll("details[data-key]")) if (open.has(each.dataset.key)) each.open = true;
  fill(side, again);
  side.scrollTop = top;
};

addEventListener("hashchange", show);
addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select") || event.metaKey || event.ctrlKey || event.altKey) return;
  if (event.key === "j" || event.key === "k") list.step(event.key === "j" ? 1 : -1);
  else if (event.key === "Escape") location.hash = "#/";
  else if (event.key === "/") { event.preventDefault(); list.search(); }
  else if (event.key === "p") location.hash = "#/play";
});
await show();
list.follow();
