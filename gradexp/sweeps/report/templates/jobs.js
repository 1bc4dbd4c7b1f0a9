
const {columns, rows, curves: ofJobs} = JSON.parse(document.getElementById("table-data").textContent);
const FIRST = 100;
const shownRows = {limit: FIRST, column: 0, ascending: true};
const chosenJobs = new Set();
const displayed = value => value === null ? "" : typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(5))) : String(value);
const words = rows.map(row => row.map(displayed).join(" ").toLowerCase());
const order = (one, other) => {
  if (one === null || other === null) return one === other ? 0 : one === null ? 1 : -1;  // what is missing comes last
  const numbers = typeof one === "number" && typeof other === "number";
  const difference = numbers ? one - other : String(one).localeCompare(String(other), "en", {numeric: true});
  return shownRows.ascending ? difference : -difference;
};
const html = text => text.replace(/[&<>]/g, sign => ({"&": "&amp;", "<": "&lt;", ">": "&gt;"})[sign]);  // Plotly reads markup

function drawChosen() {
  const div = document.getElementById("chosen");
  div.hidden = document.getElementById("none").hidden = !chosenJobs.size;
  if (!chosenJobs.size) return;
  const data = [...chosenJobs].flatMap((job, n) => Object.entries(ofJobs.jobs[job].curves).map(([tag, [x, y]]) => ({
    x, y, mode: x.length > 1 ? "lines" : "markers", name: html(`job ${job}: ${ofJobs.jobs[job].label}`), legendgroup: job, showlegend: tag !== ofJobs.loss,
    yaxis: tag === ofJobs.loss ? "y2" : "y", line: {color: COLORS[n % COLORS.length], dash: tag === ofJobs.loss ? "dot" : "solid"},
  })));
  const figure = themed({data, layout: ofJobs.layout}, darkness.matches);
  Plotly.react(div, figure.data, figure.layout, {responsive: true, displayModeBar: false});
}

function box(job) {
  const input = document.createElement("input");
  Object.assign(input, {type: "checkbox", checked: chosenJobs.has(job), ariaLabel: `curves of job ${job}`});
  input.addEventListener("change", () => { input.checked ? chosenJobs.add(job) : chosenJobs.delete(job); drawChosen(); });
  return input;
}

function draw() {
  const wanted = document.getElementById("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const status = document.getElementById("status").value;
  const found = rows.filter((row, n) => wanted.every(word => words[n].includes(word)) && (!status || row[1] === status));
  found.sort((one, other) => order(one[shownRows.column], other[shownRows.column]));
  const body = document.querySelector("#jobs tbody");
  body.replaceChildren(...found.slice(0, shownRows.limit).map(row => {
    const line = document.createElement("tr");
    line.append(...row.map((value, n) => {
      const cell = document.createElement("td");
      cell.textContent = displayed(value);
      if (typeof value === "number") cell.className = "n";
      if (n === 0 && String(value) in ofJobs.jobs) { cell.className = ""; cell.prepend(box(String(value))); }
      if (n === 1) cell.className = value;
      return cell;
    }));
    return line;
  }));
  const hidden = Math.max(found.length - shownRows.limit, 0);
  const more = document.getElementById("more");
  more.hidden = !hidden;
  more.textContent = `show ${hidden} more`;
  document.getElementById("count").textContent = `${found.length} of ${rows.length} jobs`;
  document.querySelectorAll("#jobs th").forEach((head, n) =>
    head.setAttribute("aria-sort", n !== shownRows.column ? "none" : shownRows.ascending ? "ascending" : "descending"));
}
document.querySelector("#jobs thead tr").append(...columns.map((name, n) => {
  const head = document.createElement("th"), button = document.createElement("button");
  head.scope = "col";
  button.textContent = name;
  button.addEventListener("click", () => {
    shownRows.ascending = n === shownRows.column ? !shownRows.ascending : true;
    shownRows.column = n;
    draw();
  });
  head.append(button);
  return head;
}));
document.getElementById("filter").addEventListener("input", draw);
document.getElementById("status").addEventListener("change", draw);
document.getElementById("more").addEventListener("click", () => { shownRows.limit = Infinity; draw(); });
document.getElementById("none").addEventListener("click", () => { chosenJobs.clear(); draw(); drawChosen(); });
darkness.addEventListener("change", drawChosen);
draw();
