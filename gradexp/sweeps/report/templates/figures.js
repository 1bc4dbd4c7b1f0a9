"use strict";
const COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D00", "#444444"];
const darkness = matchMedia("(prefers-color-scheme: dark)");
const phone = matchMedia("(max-width: 600px)");
const ofPage = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Colors that a dark page would swallow are mixed with white until they stand out.
const luminance = rgb => rgb.map(part => part / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
  .reduce((sum, part, n) => sum + part * [0.2126, 0.7152, 0.0722][n], 0);
function visible(color) {
  if (Array.isArray(color)) return color.map(visible);
  if (typeof color !== "string") return color;
  const hex = color.match(/^#(..)(..)(..)$/), plain = color.match(/^rgb\((\d+), ?(\d+), ?(\d+)\)$/);
  if (!hex && !plain) return color;
  let rgb = (hex ? hex.slice(1).map(part => parseInt(part, 16)) : plain.slice(1).map(Number));
  while ((luminance(rgb) + 0.05) / 0.06 < 3) rgb = rgb.map(part => Math.round(part + (255 - part) * 0.15));
  return `rgb(${rgb.join(",")})`;
}

function themed({data, layout}, isDark) {
  const [text, line, paper] = isDark ? ["--text", "--line", "--paper"].map(ofPage) : ["#1a1a1a", "#deded9", "#ffffff"];
  const traces = structuredClone(data), look = structuredClone(layout);
  for (const trace of isDark ? traces : [])
    for (const part of [trace.line, trace.marker]) if (part && part.color) part.color = visible(part.color);
  const axis = {gridcolor: line, zerolinecolor: line, linecolor: line};
  Object.assign(look, {paper_bgcolor: isDark ? "rgba(0,0,0,0)" : paper, plot_bgcolor: isDark ? "rgba(0,0,0,0)" : paper});
  look.font = {...look.font, color: text};
  for (const name of Object.keys(look).filter(key => /^[xy]axis\d*$/.test(key))) look[name] = {...axis, ...look[name], automargin: true};
  for (const shape of isDark && look.shapes || []) shape.line = {...shape.line, color: visible(shape.line.color)};
  for (const note of look.annotations || []) if (note.bgcolor) note.bgcolor = paper;
  delete look.updatemenus;  // buttons of the page take their place: they wrap, and a keyboard reaches them
  return {data: traces, layout: look};
}

function drawFigure(key, figure) {
  const div = document.getElementById(key), links = document.createElement("p"), menu = (figure.layout.updatemenus || [])[0];
  const choices = document.createElement("div");
  let chosen = menu ? menu.buttons[0] : null;
  const apply = button => {
    chosen = button;
    [...choices.children].forEach((one, n) => one.setAttribute("aria-pressed", String(menu.buttons[n] === button)));
    return Plotly.restyle(div, button.args[0], button.args[1]);
  };
  const show = () => {
    const {data, layout} = themed(figure, darkness.matches);
    if (phone.matches) {
      layout.margin = {...layout.margin, l: 10, r: 22};
      for (const note of layout.annotations || []) {  // beside axes, where nothing else makes room for them
        const side = note.xanchor === "right" ? "l" : "r";
        layout.margin[side] = Math.max(layout.margin[side], Math.min(7 * note.text.length, 120));
      }
      if ((layout.xaxis || {}).ticktext) layout.xaxis.tickangle = -30;
      layout.font = {...layout.font, size: 11};
    }
    return Plotly.react(div, data, layout, {responsive: true, displayModeBar: false}).then(() => chosen && chosen !== menu.buttons[0] && apply(chosen));
  };
  if (menu) {
    choices.className = "choices";
    choices.append(...menu.buttons.map((button, n) => {
      const one = document.createElement("button");
      one.type = "button";
      one.textContent = button.label;
      one.setAttribute("aria-pressed", String(n === 0));
      one.addEventListener("click", () => apply(button));
      return one;
    }));
    div.before(choices);
  }
  links.className = "links";
  links.append(...["svg", "png"].map(format => {
    const link = document.createElement("a");
    Object.assign(link, {href: "#", download: `${key}.${format}`, textContent: `${key.replaceAll("_", " ")} (${format.toUpperCase()})`});
    link.addEventListener("click", event => {
      if (link.href.startsWith("data:")) { setTimeout(() => { link.href = "#"; }); return; }
      event.preventDefault();  // the image is made on demand, as the figure is shown, on white
      const now = themed({data: div.data, layout: div.layout}, false);
      Object.assign(now.layout, {width: 900, height: 520});
      const light = themed(figure, false);
      now.data.forEach((trace, n) => { for (const part of ["line", "marker"]) if (trace[part] && light.data[n]) trace[part] = light.data[n][part]; });
      Plotly.toImage(now, {format, width: 900, height: 520}).then(url => { link.href = url; link.click(); });
    });
    return link;
  }));
  div.after(links);
  show();
  darkness.addEventListener("change", show);
  phone.addEventListener("change", show);
}

for (const [key, figure] of Object.entries(JSON.parse(document.getElementById("figure-data").textContent))) drawFigure(key, figure);
for (const link of document.querySelectorAll("a.of-picture")) link.href = link.parentElement.previousElementSibling.src;
