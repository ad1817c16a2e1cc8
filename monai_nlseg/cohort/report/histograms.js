const WIDTH = 240, HEIGHT = 78, FLOOR = 72;

// A histogram of each quantity, flagged cases on top of their bars, and a line for the case that is pointed at.
function renderHistograms() {
  for (const quantity of quantities) {
    if (!quantity.hidden && quantity.values.length > 1) byId("histograms").append(histogram(quantity));
  }
}

function histogram(quantity) {
  const low = Math.min(...quantity.values), high = Math.max(...quantity.values);
  const count = high > low ? Math.min(30, Math.ceil(2 * Math.cbrt(quantity.values.length)) + 4) : 1;
  const bins = Array.from({ length: count }, () => [0, 0]);
  quantity.place = (value) => (high > low ? (value - low) / (high - low) : 0.5);
  for (const item of cases) {
    const value = item.values[quantity.key];
    if (value !== null && !item.failed) bins[Math.min(count - 1, Math.floor(quantity.place(value) * count))][Number(item.odd.has(quantity.key))] += 1;
  }
  const tallest = Math.max(...bins.map(([normal, flagged]) => normal + flagged));
  const step = WIDTH / count;
  const bars = bins.flatMap((bin, index) => {
    let top = FLOOR;
    return bin.map((number, flagged) => {
      // A single case among thousands must still be seen.
      const height = number ? Math.max(2, (number / tallest) * (FLOOR - 4)) : 0;
      top -= height;
      return draw("rect", { class: flagged ? "flagged" : "bar", x: index * step + 0.5, y: top, width: step - 1, height });
    });
  });
  const middle = quantity.format(median(quantity.values));
  const odd = cases.filter((item) => item.odd.has(quantity.key)).length;
  const text = `${quantity.title}: ${quantity.values.length} cases, ${quantity.format(low)} to ${quantity.format(high)} ${quantity.unit}, median ${middle}, ${odd} flagged`;
  quantity.mark = draw("line", { class: "mark", y1: 0, y2: FLOOR, x1: -9, x2: -9 });
  return make("figure", { className: "histogram" },
    make("figcaption", {}, make("div", {}, quantity.color ? chip(quantity) : null, quantity.title, quantity.unit ? ` (${quantity.unit})` : ""), make("span", {}, `median ${middle}`)),
    draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": text },
      ...bars, draw("line", { class: "axis", x1: 0, x2: WIDTH, y1: FLOOR, y2: FLOOR }), quantity.mark),
    make("div", { className: "ends" }, make("span", {}, quantity.format(low)), make("span", {}, odd ? `${odd} flagged` : ""), make("span", {}, quantity.format(high))));
}

function markCase(item) {
  for (const quantity of quantities) {
    const value = item?.values[quantity.key] ?? null;
    const x = value === null || !quantity.place ? -9 : 1 + quantity.place(value) * (WIDTH - 2);
    quantity.mark?.setAttribute("x1", x);
    quantity.mark?.setAttribute("x2", x);
  }
}
