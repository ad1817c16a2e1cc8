renderSummary((show) => {
  state.show = show;
  restart();
});
renderHistograms();
renderColumns();
renderCases();
connectViewer();
connectDetail();
byId("filter").oninput = restart;
byId("opacity").oninput = () => fade(document);
byId("as-table").onclick = () => {
  state.layout = "table";
  restart();
};
byId("as-pictures").onclick = () => {
  state.layout = "pictures";
  restart();
};
byId("previous-page").onclick = () => {
  state.page -= 1;
  renderCases();
};
byId("next-page").onclick = () => {
  state.page += 1;
  renderCases();
};
// The pictures come behind this script.
document.addEventListener("DOMContentLoaded", renderCases);
