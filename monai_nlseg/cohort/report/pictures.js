// A slice and its labels as two layers of one figure, so that the labels can be faded.
function layers(slice, scale, caption) {
  const figure = make("figure", { className: "slice" },
    make("img", { src: slice.image, alt: slice.name, decoding: "async" }),
    make("img", { src: slice.labels, alt: "", className: "labels", decoding: "async" }),
    caption ? make("figcaption", {}, slice.name) : null);
  figure.style.width = `${slice.width * scale}px`;
  figure.style.height = `${slice.height * scale}px`;
  fade(figure);
  return figure;
}

// All slices of a case at one scale, none higher nor all together wider than asked.
function slicesOf(item, height, width, caption = false) {
  const content = block(`pictures-${item.number}`);
  if (!content) return null;
  const slices = content.slices;
  const tallest = Math.max(...slices.map((slice) => slice.height));
  const widest = slices.reduce((sum, slice) => sum + slice.width, 0);
  const scale = Math.min(height / tallest, (width - 3 * slices.length) / widest);
  return make("div", { className: "slices" }, ...slices.map((slice) => layers(slice, scale, caption)));
}

function fade(node) {
  for (const image of node.querySelectorAll("img.labels")) image.style.opacity = byId("opacity").value;
}
