const data = block("data");

const quantities = [
  ...data.labels.map((label) => ({
    key: `label-${label.value}`,
    title: label.name,
    unit: label.unit,
    color: label.color,
    value: (item) => (item.failed ? null : item.record.labels?.[label.value]?.[label.unit] ?? 0),
  })),
  {
    key: "components", title: "Components", unit: "", hidden: true,
    value: (item) => {
      const counts = Object.values(item.record.labels ?? {}).map((label) => label.components).filter(Number.isFinite);
      return counts.length ? counts.reduce((a, b) => a + b, 0) : null;
    },
  },
  { key: "entropy", title: "Entropy", unit: "", value: (item) => item.record.entropy ?? null },
  {
    key: "seconds", title: "Time", unit: "s",
    value: (item) => {
      const steps = Object.values(item.record.seconds ?? {}).filter(Number.isFinite);
      return steps.length ? steps.reduce((a, b) => a + b, 0) : null;
    },
  },
];

const cases = data.cases.map((record, number) => {
  const item = { number, record, name: String(record.case), failed: record.status === "failed", flags: record.flags.map(([, text]) => text) };
  item.findings = item.failed ? [String(record.error ?? "failed")] : item.flags;
  item.unlike = Boolean(record.unlike);
  item.status = item.failed ? "failed" : item.unlike ? "unlike" : item.flags.length ? "flagged" : "done";
  item.text = [item.name, ...item.findings].join("\n").toLowerCase();
  item.values = Object.fromEntries(quantities.map((quantity) => [quantity.key, quantity.value(item)]));
  item.odd = new Set(record.flags.map(([quantity]) => quantity));
  return item;
});

for (const quantity of quantities) {
  quantity.values = cases.map((item) => (item.failed ? null : item.values[quantity.key])).filter((value) => value !== null);
  quantity.digits = digitsOf(quantity.values);
  quantity.format = (value) => (value === null ? "–" : decimals(value, quantity.digits));
}

const shows = [
  ["all", "cases", () => true, data.summary.cases],
  ["done", "done", (item) => !item.failed, data.summary.done],
  ["failed", "failed", (item) => item.failed, data.summary.failed],
  ["unlike", "unlike", (item) => item.unlike, data.summary.unlike],
  ["flagged", "flagged", (item) => item.flags.length > 0, data.summary.flagged],
];

function renderSummary(choose) {
  const { bundle, started, ended, notes, left_out, ...rest } = data.run;
  byId("notes").append(...(notes ?? []).map((text) => make("p", { className: "flag" }, text)));
  renderLeftOut(left_out ?? []);
  byId("title").textContent = bundle?.title || bundle?.name || "Cohort";
  byId("subtitle").textContent = ["Quality control of a cohort run", bundle?.version && `bundle version ${bundle.version}`].filter(Boolean).join(", ");
  byId("when").textContent = [started, ended].filter(Boolean).map(moment).join(" – ");
  byId("facts").append(...factList(bundle === undefined ? rest : { bundle, ...rest }));
  for (const [key, title, , count] of shows) {
    const kind = { failed: " bad", unlike: " warn", flagged: " warn" }[key];
    byId("tiles").append(make("button", { type: "button", id: `show-${key}`, className: `tile${(count && kind) || ""}`, onclick: () => choose(key) },
      make("b", {}, decimals(count, 0)), make("span", {}, title)));
  }
  const { hours, rate } = data.summary;
  const figures = [[hours && duration(hours * 3600), "wall time"], [rate && decimals(rate, rate < 100 ? 1 : 0), "cases an hour"]];
  for (const [value, title] of figures) {
    if (value) byId("tiles").append(make("div", { className: "tile" }, make("b", {}, value), make("span", {}, title)));
  }
  for (const label of data.labels) byId("legend").append(make("span", {}, chip(label), label.name));
}

function chip(label) {
  const node = make("i", { className: "chip" });
  node.style.background = label.color;
  return node;
}

// The files of the input that belong to no case, by reason.
function renderLeftOut(kinds) {
  const count = kinds.reduce((total, kind) => total + kind.count, 0);
  const [summary, list] = byId("left-out").children;
  byId("left-out").hidden = count === 0;
  summary.textContent = `Left out: ${decimals(count, 0)} ${count === 1 ? "file" : "files"} of the input`;
  for (const { reason, count: number, files } of kinds) {
    const more = number > files.length ? `, and ${decimals(number - files.length, 0)} more in left_out.csv` : "";
    list.append(make("dt", {}, `${reason} (${decimals(number, 0)})`), make("dd", {}, files.join(", ") + more));
  }
}
