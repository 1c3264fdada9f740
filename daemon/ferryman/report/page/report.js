"use strict";
// Draws the figures that the page holds as data, in the colours of the page, and shows the table of moves.

const data = JSON.parse(document.getElementById("data").textContent);
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const narrow = window.matchMedia("(max-width: 40rem)");
const figures = new Map(data.figures.map((figure) => [figure.id, figure]));
const drawn = new Set();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function merged(base, over) {
  const result = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const nested = value !== null && typeof value === "object" && !Array.isArray(value) && key in base;
    result[key] = nested ? merged(base[key], value) : value;
  }
  return result;
}

function axis() {
  return {
    gridcolor: colour("--line"), linecolor: colour("--line"), zerolinecolor: colour("--line"),
    tickcolor: colour("--line"), automargin: true,
  };
}

function layoutOf(figure) {
  const page = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true, height: figure.height_px,
    font: { color: colour("--ink"), family: getComputedStyle(document.body).fontFamily, size: narrow.matches ? 11 : 13 },
    margin: { l: 10, r: 10, t: 10, b: 10 }, hovermode: "closest",
    // A finger on a plot scrolls the page.
    dragmode: narrow.matches ? false : "zoom",
    hoverlabel: { bgcolor: colour("--panel"), bordercolor: colour("--line"), font: { color: colour("--ink") }, align: "left" },
    xaxis: axis(), yaxis: axis(), yaxis2: axis(),
  };
  if (!("yaxis2" in figure.layout)) delete page.yaxis2;
  return merged(page, figure.layout);
}

function draw(id) {
  const place = document.getElementById(id);
  const figure = figures.get(id);
  const settings = { responsive: true, displayModeBar: false };
  // Copied: plotly.js writes into what it is given.
  Plotly.react(place, structuredClone(figure.traces), structuredClone(layoutOf(figure)), settings);
  if (!drawn.has(id)) place.on("plotly_click", (event) => open(event.points[0].customdata));
  drawn.add(id);
}

function open(id) {
  const closeUp = id && document.getElementById(id);
  if (closeUp instanceof HTMLDetailsElement) {
    closeUp.open = true;
    closeUp.scrollIntoView();
  }
}

function drawAll() {
  for (const place of document.querySelectorAll(".plot")) {
    const details = place.closest("details");
    if (!details || details.open) draw(place.id);
  }
}

for (const details of document.querySelectorAll("details.close-up")) {
  details.addEventListener("toggle", () => { if (details.open) draw(details.querySelector(".plot").id); });
}
for (const query of [dark, narrow]) query.addEventListener("change", drawAll);
window.addEventListener("hashchange", () => open(decodeURIComponent(location.hash.slice(1))));

// The table: sorted and filtered over all rows, shown a page at a time.
const PAGE = 100;
const { columns, rows, links, remarks } = data.moves;
const texts = rows.map((row) => row.join(" ").toLowerCase());
const view = { order: rows.map((_, index) => index), column: 0, ascending: false, page: 0 };


function label(cell, column) {
  const digits = columns[column] === "took, s" ? 1 : 0;
  return typeof cell === "number" ? cell.toLocaleString("en", { minimumFractionDigits: digits }) : cell ?? "";
}

function compare(one, other) {
  // What is not known comes last, whichever way the table is sorted.
  if (one === null || other === null) return (one === null) - (other === null);
  const order = typeof one === "number" ? one - other : one < other ? -1 : one > other ? 1 : 0;
  return view.ascending ? order : -order;
}

function arrange() {
  const wanted = document.getElementById("wanted").value.toLowerCase().split(/\s+/).filter(Boolean);
  view.order = rows.map((_, index) => index).filter((index) => wanted.every((word) => texts[index].includes(word)));
  view.order.sort((a, b) => compare(rows[a][view.column], rows[b][view.column]));
  view.page = 0;
  show();
}

function cellOf(index, column) {
  const cell = document.createElement("td");
  const value = rows[index][column];
  if (typeof value === "number") cell.className = "number";
  if (columns[column] === "verdict" || columns[column] === "outcome") cell.className = columns[column];
  if (column === 0 && links[index]) {
    const link = document.createElement("a");
    link.href = `#${encodeURIComponent(links[index])}`;
    link.textContent = label(value, column);
    cell.append(link);
  } else {
    cell.textContent = label(value, column);
  }
  return cell;
}

function rowsOf(index) {
  const row = document.createElement("tr");
  row.dataset.verdict = rows[index][columns.indexOf("verdict")];
  row.dataset.outcome = rows[index][columns.indexOf("outcome")];
  row.append(...columns.map((_, column) => cellOf(index, column)));
  if (!remarks[index]) return [row];
  row.className = "has-remark";
  const below = document.createElement("tr");
  const remark = document.createElement("td");
  remark.colSpan = columns.length;
  remark.className = "remark";
  remark.textContent = remarks[index];
  below.append(remark);
  return [row, below];
}

function show() {
  const pages = Math.max(1, Math.ceil(view.order.length / PAGE));
  const part = view.order.slice(view.page * PAGE, (view.page + 1) * PAGE);
  document.querySelector("#moves tbody").replaceChildren(...part.flatMap(rowsOf));
  for (const [column, head] of [...document.querySelectorAll("#moves th")].entries()) {
    const sort = column !== view.column ? "none" : view.ascending ? "ascending" : "descending";
    head.setAttribute("aria-sort", sort);
  }
  document.getElementById("shown").textContent = `${view.order.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} moves`;
  document.getElementById("page").textContent = `page ${view.page + 1} of ${pages}`;
  document.getElementById("newer").disabled = view.page === 0;
  document.getElementById("older").disabled = view.page + 1 >= pages;
}

function headOf(name, column) {
  const head = document.createElement("th");
  const button = document.createElement("button");
  head.scope = "col";
  button.type = "button";
  button.textContent = name;
  button.addEventListener("click", () => {
    view.ascending = view.column === column ? !view.ascending : true;
    view.column = column;
    arrange();
  });
  head.append(button);
  return head;
}

function turn(by) {
  view.page += by;
  show();
}

if (rows.length) {
  document.querySelector("#moves thead tr").append(...columns.map(headOf));
  document.getElementById("wanted").addEventListener("input", arrange);
  document.querySelector(".filter").addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("newer").addEventListener("click", () => turn(-1));
  document.getElementById("older").addEventListener("click", () => turn(1));
  arrange();
  drawAll();
  open(decodeURIComponent(location.hash.slice(1)));
}
