const PAGE = { table: 50, pictures: 24 };
const state = { column: "findings", descending: true, show: "all", layout: "table", page: 0 };

const columns = [
  { key: "picture", title: "Picture" },
  { key: "name", title: "Case", value: (item) => item.rank },
  { key: "status", title: "Status", value: (item) => ["done", "flagged", "unlike", "failed"].indexOf(item.status) },
  ...quantities.map((quantity) => ({ key: quantity.key, title: quantity.unit ? `${quantity.title} (${quantity.unit})` : quantity.title, quantity, value: (item) => item.values[quantity.key] })),
  { key: "findings", title: "Findings", value: (item) => (item.failed ? Infinity : 1000 * item.unlike + item.flags.length) },
];

const names = new Intl.Collator("en", { numeric: true });
[...cases].sort((a, b) => names.compare(a.name, b.name)).forEach((item, rank) => (item.rank = rank));

// The cases that pass the filter, in order; those without a value come last either way.
function listed() {
  const text = byId("filter").value.trim().toLowerCase();
  const shown = shows.find(([key]) => key === state.show)[2];
  const { value } = columns.find((column) => column.key === state.column);
  const sign = state.descending ? -1 : 1;
  return cases.filter((item) => shown(item) && item.text.includes(text)).sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return (x === null) - (y === null) || a.rank - b.rank;
    return sign * ((x > y) - (x < y)) || a.rank - b.rank;
  });
}

function renderColumns() {
  for (const column of columns) {
    const head = make("th", { scope: "col", className: column.quantity ? "number" : "" });
    if (column.value) {
      head.append(make("button", { type: "button", onclick: () => sortBy(column) }, column.quantity?.color ? chip(column.quantity) : null, column.title));
    } else {
      head.append(column.title);
    }
    column.head = head;
    byId("columns").append(head);
  }
}

function sortBy(column) {
  // Numbers are looked at from the highest, names from the first.
  state.descending = state.column === column.key ? !state.descending : column.key !== "name";
  state.column = column.key;
  restart();
}

function restart() {
  state.page = 0;
  renderCases();
}

function renderCases() {
  const all = listed();
  const size = PAGE[state.layout];
  const start = Math.min(state.page * size, Math.max(0, all.length - 1));
  const page = all.slice(start, start + size);
  const table = state.layout === "table";
  for (const column of columns) {
    if (column.key === state.column) column.head.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
    else column.head.removeAttribute("aria-sort");
  }
  for (const [key] of shows) byId(`show-${key}`).setAttribute("aria-pressed", key === state.show);
  byId("as-table").setAttribute("aria-pressed", table);
  byId("as-pictures").setAttribute("aria-pressed", !table);
  byId("scroll").hidden = !table || !all.length;
  byId("gallery").hidden = table || !all.length;
  byId("rows").replaceChildren(...(table ? page.map(row) : []));
  byId("gallery").replaceChildren(...(table ? [] : page.map(card)));
  byId("range").textContent = all.length ? `${decimals(start + 1, 0)}–${decimals(start + page.length, 0)} of ${decimals(all.length, 0)}` : "";
  byId("previous-page").disabled = start === 0;
  byId("next-page").disabled = start + size >= all.length;
  byId("nothing").hidden = all.length > 0;
  byId("nothing").textContent = cases.length ? "No case matches." : "The run has no cases.";
}

function row(item) {
  const cells = columns.map((column) => {
    if (column.key === "picture") return make("td", {}, slicesOf(item, 56, 165));
    if (column.key === "name") return make("th", { scope: "row", className: "name" }, opener(item));
    if (column.key === "status") return make("td", {}, pill(item));
    if (column.key === "findings") return make("td", { className: "findings" }, ...findings(item));
    return make("td", { className: item.odd.has(column.key) ? "number odd" : "number" }, column.quantity.format(item.values[column.key]));
  });
  return pointed(make("tr", {}, ...cells), item);
}

function card(item) {
  return pointed(make("article", { className: "card" }, slicesOf(item, 150, 316),
    make("div", { className: "title" }, opener(item), pill(item)), make("div", { className: "findings" }, ...findings(item))), item);
}

function pointed(node, item) {
  node.addEventListener("click", () => openDetail(item, listed()));
  node.addEventListener("mouseenter", () => markCase(item));
  node.addEventListener("focusin", () => markCase(item));
  return node;
}

// The click reaches the row; the button is for the keyboard.
const opener = (item) => make("button", { type: "button" }, item.name);

const pill = (item) => make("span", { className: `status ${item.status}` }, item.status);

const findings = (item) => item.findings.map((text) => make("p", { className: item.failed ? "error" : "flag" }, text));
