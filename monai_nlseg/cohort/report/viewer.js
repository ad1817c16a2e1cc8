let viewer = null;

// NiiVue is large: it is unpacked and run when the first volume is asked for.
async function startViewer() {
  if (!document.createElement("canvas").getContext("webgl2")) throw new Error("the viewer needs a browser with WebGL2");
  const packed = Uint8Array.from(atob(byId("viewer-script").textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  document.head.append(make("script", { textContent: await new Response(stream).text() }));
  const started = new niivue.Niivue({
    backColor: [0, 0, 0, 1], crosshairColor: [0.45, 0.75, 1, 0.8], crosshairWidth: 0.8, crosshairWidthUnit: "percent", show3Dcrosshair: true,
    multiplanarShowRender: 1, multiplanarLayout: 2, dragAndDropEnabled: false, loadingText: "", logLevel: "error",
  });
  started.onLocationChange = (place) => showLocation(place);
  await started.attachToCanvas(byId("canvas"));
  return started;
}

async function showVolume(content) {
  viewer ??= startViewer();
  const shown = await viewer;
  while (shown.volumes.length) shown.removeVolume(shown.volumes[0]);
  const image = await niivue.NVImage.loadFromBase64({ base64: content.image, name: "image.nii.gz", colormap: "gray", cal_min: 0, cal_max: 255 });
  const labels = await niivue.NVImage.loadFromBase64({ base64: content.labels, name: "labels.nii.gz", opacity: Number(byId("volume-opacity").value) });
  labels.setColormapLabel(labelColors());
  shown.addVolume(image);
  shown.addVolume(labels);
  shown.setSliceType(Number(byId("view").value));
  shown.scene.crosshairPos = shown.mm2frac(foregroundCentre(labels));
  shown.updateGLVolume();
  shown.createOnLocationChange();
}

function labelColors() {
  const part = (from) => [0, ...data.labels.map((label) => parseInt(label.color.slice(from, from + 2), 16))];
  return {
    R: part(1), G: part(3), B: part(5), A: [0, ...data.labels.map(() => 255)],
    I: [0, ...data.labels.map((label) => label.value)], labels: ["background", ...data.labels.map((label) => label.name)],
  };
}

function foregroundCentre(labels) {
  const [width, height, depth] = labels.dimsRAS.slice(1, 4);
  const sum = [0, 0, 0];
  let count = 0;
  for (let index = 0; index < labels.img.length; index += 1) {
    if (!labels.img[index]) continue;
    sum[0] += index % width;
    sum[1] += Math.floor(index / width) % height;
    sum[2] += Math.floor(index / (width * height));
    count += 1;
  }
  const voxel = count ? sum.map((total) => total / count) : [width / 2, height / 2, depth / 2];
  const rows = labels.getAffine();
  return rows.slice(0, 3).map((row) => row[0] * voxel[0] + row[1] * voxel[1] + row[2] * voxel[2] + row[3]);
}

function showLocation(place) {
  const label = data.labels.find(({ value }) => value === place.values[1]?.value);
  const millimetres = [...place.mm].slice(0, 3).map((value) => decimals(Math.round(value) + 0, 0)).join(", ");
  byId("location").textContent = `${millimetres} mm (R, A, S), ${label ? label.name : "background"}`;
}

function connectViewer() {
  byId("view").onchange = async () => (await viewer).setSliceType(Number(byId("view").value));
  byId("volume-opacity").oninput = async () => (await viewer).setOpacity(1, Number(byId("volume-opacity").value));
}
