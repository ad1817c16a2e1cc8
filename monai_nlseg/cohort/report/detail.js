let current = null, around = [];

function openDetail(item, list) {
  [current, around] = [item, list];
  const place = around.indexOf(item);
  byId("detail-name").textContent = item.name;
  byId("detail-status").replaceChildren(pill(item));
  byId("detail-place").textContent = `${place + 1} of ${around.length}`;
  byId("detail-previous").disabled = place === 0;
  byId("detail-next").disabled = place === around.length - 1;
  byId("detail-text").replaceChildren(...detailText(item));
  byId("detail-text").scrollTop = 0;
  markCase(item);
  if (!byId("detail").open) byId("detail").showModal();
  renderStage(item);
}

function step(by) {
  const next = around[around.indexOf(current) + by];
  if (next) openDetail(next, around);
}

function renderStage(item) {
  const pictures = block(`pictures-${item.number}`);
  const series = block(`series-${item.number}`);
  const volume = pictures?.kind === "volume" && series;
  byId("viewer").hidden = !volume;
  byId("frames").hidden = !series?.frames;
  const sentence = absence(pictures, series);
  byId("no-viewer").hidden = !sentence;
  byId("no-viewer").textContent = sentence;
  renderPictures(item, series?.frames ? null : pictures?.kind, volume ? 210 : 560);
  if (series?.frames) renderFrames(series.frames, stageWidth());
  if (volume) showVolume(series).catch((error) => item === current && failedViewer(error));
}

const stageWidth = () => byId("stage").clientWidth - 40;

function renderPictures(item, kind, height) {
  const shown = kind && slicesOf(item, height, stageWidth(), kind !== "image");
  byId("detail-pictures").replaceChildren(...(shown ? [shown] : []));
}

function absence(pictures, series) {
  if (!pictures) return current.failed ? "A failed case has no picture." : "The preview of this case is not there: it has no picture.";
  if (series || pictures.kind === "image") return "";
  return `The budget of ${decimals(data.budget / 2 ** 20, 0)} MiB for volumes was spent before this case: open its outputs in a viewer, or write the report with a larger one.`;
}

function failedViewer(error) {
  byId("viewer").hidden = true;
  byId("no-viewer").hidden = false;
  byId("no-viewer").textContent = `The volume is shown as pictures only: ${error.message ?? error}.`;
  renderPictures(current, "volume", 560);
}

function renderFrames(frames, width) {
  const slider = byId("frame-number");
  const show = () => {
    const frame = frames[slider.value - 1];
    byId("frame").replaceChildren(layers(frame, Math.min(560 / frame.height, width / frame.width), false));
    byId("frame-name").textContent = `${slider.value} of ${frames.length}`;
  };
  slider.max = frames.length;
  slider.value = Math.ceil(frames.length / 2);
  slider.oninput = show;
  show();
}

function detailText(item) {
  const { flags, labels, ...rest } = item.record;
  const heads = ["Label", ...(Object.values(labels ?? {}).some((label) => label.ml !== undefined) ? ["ml"] : []), "voxels", "components"];
  const rows = data.labels.filter((label) => labels?.[label.value]).map((label) => {
    const numbers = heads.slice(1).map((key) => labels[label.value][key]);
    return make("tr", {}, make("th", { scope: "row" }, chip(label), label.name),
      ...numbers.map((value) => make("td", { className: "number" }, value === undefined ? "–" : decimals(value, digitsOf([value])))));
  });
  return [
    ...(item.findings.length ? [make("h3", {}, item.failed ? "Error" : "Flags"), ...findings(item)] : []),
    ...(rows.length ? [make("h3", {}, "Labels"), make("table", {}, make("thead", {}, make("tr", {}, ...heads.map((text, index) => make("th", { scope: "col", className: index ? "number" : "" }, text)))), make("tbody", {}, ...rows))] : []),
    make("h3", {}, "Case"),
    make("dl", {}, ...factList(brief(item.record))),
    make("details", {}, make("summary", {}, "Whole record"), make("dl", {}, ...factList(rest))),
  ];
}

function brief({ entropy, seconds, shape, spacing, input, outputs, peak_memory: memory, started }) {
  const steps = Object.entries(seconds ?? {}).map(([name, value]) => `${name} ${duration(value)}`).join(", ");
  const shown = {
    entropy, seconds: steps, shape: shape?.join(" × "), spacing: spacing?.map((value) => fact(value, "")).join(" × "),
    "peak memory": memory && bytes(memory), started: started && moment(started), input: input?.files, output: outputs?.labels?.path,
  };
  return Object.fromEntries(Object.entries(shown).filter(([, value]) => value !== undefined && value !== null && value !== ""));
}

function connectDetail() {
  byId("detail-previous").onclick = () => step(-1);
  byId("detail-next").onclick = () => step(1);
  byId("detail-close").onclick = () => byId("detail").close();
  byId("detail").addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
    if (event.key === "n") step(1);
    if (event.key === "p") step(-1);
  });
}
