// Draws the panels of #figures. What to draw is data; how it looks is decided here, from the page's own variables.
(() => {
  "use strict";
  const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
  const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "pentagon"];
  const { arms, panels } = JSON.parse(document.getElementById("figures").textContent);
  const hiddenNames = new Set();
  const hiddenRuns = new Set();
  const coarse = matchMedia("(pointer: coarse)").matches;

  function theme() {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim();
    return { read, ink: read("--ink"), soft: read("--soft"), line: read("--line"), card: read("--card"), sans: read("--sans") };
  }

  const NO_ARM = { run: 0, place: 0, label: "" };
  const armOf = (line) => (line.arm ? arms[line.arm] : { ...NO_ARM, place: line.slot - 1, colour: line.slot });
  const isShown = (arm) => !hiddenNames.has(arm.name + "\n" + arm.colour) && !hiddenRuns.has(arm.run);
  const whiskers = (middle, low, high, colour) =>
    low && { type: "data", symmetric: false, array: high.map((v, i) => (v === null ? 0 : v - middle[i])),
      arrayminus: low.map((v, i) => (v === null ? 0 : middle[i] - v)), color: colour, thickness: 1.2, width: 3 };

  function trace(line, panel, look) {
    const arm = armOf(line);
    const colour = look.read(`--arm-${arm.colour}`);
    const form = panel.y_kind === "share" || panel.y_kind === "part" ? ".1%" : ".4~g";
    const dash = DASHES[arm.run % DASHES.length];
    const symbol = SYMBOLS[arm.place % SYMBOLS.length];
    const base = { x: line.x, y: line.y, name: line.name || arm.label, connectgaps: false,
      hovertemplate: `%{y:${form}}<extra>%{fullData.name}</extra>`, line: { color: colour, width: 2.2, dash } };
    if (line.role === "bars") {
      return { ...base, type: "bar", line: undefined, marker: { color: colour } };
    }
    if (line.role === "faint") return { ...base, mode: "lines", opacity: 0.3, hoverinfo: "skip", hovertemplate: undefined, line: { ...base.line, width: 1 } };
    if (line.role === "dotted") return { ...base, mode: "lines", line: { ...base.line, width: 1.8, dash: "dot" } };
    const marker = { color: colour, symbol, size: 8, line: { color: look.card, width: 1 } };
    const bars = { error_y: whiskers(line.y, line.low, line.high, colour), error_x: whiskers(line.x, line.x_low, line.x_high, colour) };
    if (line.role === "points") {
      const alone = panel.id === "tradeoff";
      const crowded = panel.lines.length > 8;
      return { ...base, ...bars, mode: alone && !crowded ? "markers+text" : "markers", text: alone ? [line.name] : undefined, textposition: "top right",
        cliponaxis: false, textfont: { color: colour, size: 13 }, marker: { ...marker, size: alone ? 10 : 7 },
        hovertemplate: alone ? "%{y:.1%} at %{x:.4~g} tokens<extra>%{fullData.name}</extra>" : base.hovertemplate };
    }
    return { ...base, ...bars, mode: line.x.length < 25 ? "lines+markers" : "lines", marker };
  }

  function axis(kind, title, look, vertical) {
    const common = { title: { text: title, font: { size: 12, color: look.soft }, standoff: 8 }, gridcolor: look.line, zerolinecolor: look.line,
      tickfont: { color: look.soft, size: 12 }, automargin: true, fixedrange: coarse, showgrid: vertical, linecolor: look.line, ticks: "" };
    if (kind === "share") return { ...common, range: vertical ? [0, 1.02] : [-0.01, 1.01], tickformat: ".0%", zeroline: false };
    if (kind === "part") return { ...common, rangemode: "tozero", tickformat: ".1~%", zeroline: vertical };
    if (kind === "zero") return { ...common, rangemode: "tozero", zeroline: vertical };
    if (kind === "log") return { ...common, type: "log" };
    if (kind === "name") return { ...common, type: "category" };
    return { ...common, zeroline: vertical };
  }

  function extent(lines) {
    const all = lines.flatMap((line) => line.x).filter((value) => typeof value === "number");
    return [Math.min(...all), Math.max(...all)];
  }

  function layout(panel, look) {
    const made = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { family: look.sans, size: 13, color: look.ink },
      autosize: true, margin: { l: 48, r: 14, t: 8, b: 40 }, showlegend: false, dragmode: coarse ? false : "zoom", barmode: "group", bargap: 0.15,
      hovermode: panel.id === "tradeoff" ? "closest" : "x unified", hoverdistance: 40,
      hoverlabel: { bgcolor: look.card, bordercolor: look.line, font: { color: look.ink, family: look.sans, size: 12.5 }, namelength: -1 },
      xaxis: axis(panel.x_kind, panel.x_title, look, false), yaxis: axis(panel.y_kind, panel.y_title, look, true),
    };
    const ends = extent(panel.lines);
    if (panel.lines.some((line) => line.slot)) {  // curves that are no arm's have no button: name them in the plot
      Object.assign(made, { showlegend: true, legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 12.5 } } });
      made.margin.t = 30;
    }
    if (panel.x_kind === "log") {
      const places = [...new Set(panel.lines.flatMap((line) => line.x))].sort((a, b) => a - b);
      if (places.length <= 12) Object.assign(made.xaxis, { tickmode: "array", tickvals: places, ticktext: places.map(String) });
    }
    if (panel.id === "tradeoff") Object.assign(made.xaxis, { showgrid: true, range: [0, ends[1] * 1.18] });
    else if (panel.x_kind === "number" && ends[1] > ends[0]) {
      const pad = (ends[1] - ends[0]) * 0.025;
      made.xaxis.range = [ends[0] - pad, ends[1] + pad];
    }
    if (document.documentElement.classList.contains("printing")) Object.assign(made, { width: 310, height: 210 });
    return made;
  }

  function draw(panel, look) {
    const place = document.getElementById(`plot-${panel.id}`);
    if (!place || (place.closest("details") && !place.closest("details").open)) return;
    const lines = panel.lines.filter((line) => isShown(armOf(line)));
    Plotly.react(place, lines.map((line) => trace(line, panel, look)), layout(panel, look), { responsive: true, displayModeBar: false });
    place.dataset.drawn = String(lines.length);
  }

  const drawAll = () => { const look = theme(); panels.forEach((panel) => draw(panel, look)); };

  for (const chip of document.querySelectorAll(".chip")) {
    chip.addEventListener("click", () => {
      const on = chip.getAttribute("aria-pressed") !== "true";
      chip.setAttribute("aria-pressed", String(on));
      const [set, key] = chip.dataset.run === undefined ? [hiddenNames, `${chip.dataset.name}\n${chip.dataset.colour}`] : [hiddenRuns, Number(chip.dataset.run)];
      if (on) set.delete(key); else set.add(key);
      drawAll();
    });
  }
  for (const box of document.querySelectorAll("details")) box.addEventListener("toggle", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  const print = (on) => () => { document.documentElement.classList.toggle("printing", on); drawAll(); };
  addEventListener("beforeprint", print(true));
  addEventListener("afterprint", print(false));
  drawAll();
})();
