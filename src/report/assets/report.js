/* What makes the report interactive. No library, no network; without it the report still shows every figure and number. */
"use strict";
(function () {
  const $ = (selector, root) => (root || document).querySelector(selector);
  const $$ = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties || {});
    element.append(...children);
    return element;
  };
  document.documentElement.classList.add("js");

  /* ------------------------------------------------------------ numbers -- */
  function show(v) {
    if (v === null || v === undefined || Number.isNaN(v)) return "n/a";
    const size = Math.abs(v);
    let text;
    if (size === 0) text = "0";
    else if (size >= 1e5 || size < 1e-3) text = v.toExponential(2).replace("e", "×10^");
    else text = Number.isInteger(v) ? String(v) : v.toFixed(Math.max(0, Math.min(4, 2 - Math.floor(Math.log10(size)))));
    return text.replace("-", "−");
  }

  /* ------------------------------------------------------------ tooltip -- */
  const tip = make("div", { id: "tip", hidden: true });
  tip.setAttribute("role", "tooltip");
  document.body.append(tip);
  function showTip(text, x, y) {
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(6, Math.min(x + 14, innerWidth - box.width - 6)) + "px";
    tip.style.top = (y + 18 + box.height > innerHeight ? y - box.height - 10 : y + 16) + "px";
  }
  const hideTip = () => { tip.hidden = true; };

  /* ------------------------------------------- drawings: hover and files -- */
  const originals = new Map();
  $$("figure svg.cf-figure").forEach((svg) => {
    originals.set(svg, new XMLSerializer().serializeToString(svg));
    $$("title", svg).forEach((title) => {
      const owner = title.parentNode;
      if (owner === svg) svg.setAttribute("aria-label", title.textContent);
      else {
        owner.dataset.tip = title.textContent;
        if (owner.classList.contains("cf-model") || owner.classList.contains("cf-row")) {
          owner.setAttribute("tabindex", "0");
          owner.setAttribute("role", "img");
          owner.setAttribute("aria-label", title.textContent);
        }
      }
      title.remove();
    });
    const found = (event) => event.target.closest && event.target.closest("[data-tip]");
    svg.addEventListener("pointermove", (event) => {
      const owner = found(event);
      if (owner) showTip(owner.dataset.tip, event.clientX, event.clientY);
      else hideTip();
    });
    svg.addEventListener("pointerleave", hideTip);
    svg.addEventListener("focusin", (event) => {
      const owner = found(event);
      if (!owner) return;
      const box = owner.getBoundingClientRect();
      showTip(owner.dataset.tip, box.left + box.width / 2, box.top + box.height / 2);
    });
    svg.addEventListener("focusout", hideTip);
  });

  function save(name, type, text) {
    const link = make("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 5000);
  }
  $$("a[data-svg]").forEach((link) => link.addEventListener("click", (event) => {
    const svg = $("svg.cf-figure", link.closest("figure"));
    if (!svg || !originals.has(svg)) return;
    event.preventDefault();
    save(link.getAttribute("download"), "image/svg+xml", originals.get(svg));
  }));

  /* ----------------------------------------- scatter and lines: highlight -- */
  $$("svg.cf-scatter, svg.cf-lines, svg.cf-space, svg.cf-pairs, svg.cf-curves").forEach((svg) => {
    const light = (group) => {
      $$(".lit", svg).forEach((e) => e.classList.remove("lit"));
      svg.classList.toggle("dimmed", group !== null);
      if (group !== null) $$('[data-group="' + group + '"]', svg).forEach((e) => e.classList.add("lit"));
    };
    $$(".cf-key", svg).forEach((key) => {
      key.setAttribute("tabindex", "0");
      ["pointerenter", "focus"].forEach((name) => key.addEventListener(name, () => light(key.dataset.group)));
      ["pointerleave", "blur"].forEach((name) => key.addEventListener(name, () => light(null)));
    });
  });
  $$("svg.cf-scatter").forEach((svg) => {
    const labels = $(".cf-labels", svg);
    svg.addEventListener("pointerover", (event) => {
      const point = event.target.closest("circle[data-i]");
      if (point) lightPoints(svg.closest("section"), [Number(point.dataset.i)]);
    });
    svg.addEventListener("pointerout", () => lightPoints(svg.closest("section"), []));
    svg.addEventListener("click", (event) => { /* a click pins the name of a point that had no room for it */
      const point = event.target.closest("circle[data-i]");
      if (!point || !point.dataset.tip) return;
      const old = $('text[data-i="' + point.dataset.i + '"]', svg);
      if (old) { old.remove(); return; }
      const text = document.createElementNS(svg.namespaceURI, "text");
      text.setAttribute("x", Number(point.getAttribute("cx")) + 3.6);
      text.setAttribute("y", Number(point.getAttribute("cy")) + 2);
      text.setAttribute("font-size", "6");
      text.setAttribute("class", "cf-text");
      text.dataset.i = point.dataset.i;
      text.textContent = point.dataset.tip.split(" · ")[0];
      (labels || svg).append(text);
    });
  });
  function lightPoints(section, indices) {
    if (!section) return;
    $$("svg.cf-scatter circle.lit-point", section).forEach((c) => { c.classList.remove("lit-point"); });
    indices.forEach((i) => $$('svg.cf-scatter circle[data-i="' + i + '"]', section).forEach((c) => c.classList.add("lit-point")));
  }

  /* ---------------------------------------------- significance: correction -- */
  const stars = (p) => (p < 0.001 ? "***" : p < 0.01 ? "**" : p < 0.05 ? "*" : "");
  function pOf(element, correction) {
    const raw = correction === "none" ? element.dataset.p : correction === "holm" ? element.dataset.pHolm : element.dataset.pFdr;
    return raw === "" || raw === undefined ? NaN : Number(raw);
  }
  function correct(section, correction) {
    $$(".cf-star", section).forEach((text) => { text.textContent = stars(pOf(text, correction)); });
    $$(".cf-pair", section).forEach((pair) => {
      const p = pOf(pair, correction);
      if (p < 0.05) pair.removeAttribute("display");
      else pair.setAttribute("display", "none");
      if (pair.dataset.tip) pair.dataset.tip = pair.dataset.tip.replace(/\([^()]*\)$/, "(" + (p < 0.0001 ? "p < 0.0001" : "p = " + show(p)) + ")");
    });
    $$("svg.cf-models text.cf-muted", section).forEach((text) => { /* the note inside the drawing says which, too */
      text.textContent = text.textContent.replace(/(FDR|Holm|Uncorrected)\.$/, { none: "Uncorrected.", holm: "Holm.", fdr: "FDR." }[correction]);
    });
    $$("[data-correction-name]", section).forEach((e) => {
      e.textContent = { none: "not corrected", holm: "Holm-corrected", fdr: "FDR-controlled (Benjamini-Hochberg)" }[correction];
    });
  }
  $$(".correction").forEach((box) => box.addEventListener("change", (event) => correct(box.closest("section"), event.target.value)));

  /* ------------------------------------------------------------- tables -- */
  $$(".table").forEach((block) => {
    const table = $("table", block), body = $("tbody", table), heads = $$("th", table);
    const rows = $$("tr", body);
    heads.forEach((head, column) => $("button", head).addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const numeric = head.classList.contains("num");
      const key = (row) => {
        const cell = row.cells[column];
        if (!numeric) return cell.textContent;
        return cell.dataset.v === undefined || cell.dataset.v === "" ? NaN : Number(cell.dataset.v);
      };
      const order = rows.map((row, i) => ({ row, i, key: key(row) }));
      order.sort((a, b) => {
        if (!numeric) return (a.key.localeCompare(b.key, undefined, { numeric: true }) || a.i - b.i) * (up ? 1 : -1);
        const na = Number.isNaN(a.key), nb = Number.isNaN(b.key);
        if (na || nb) return na - nb || a.i - b.i; /* missing values stay last */
        return (a.key - b.key) * (up ? 1 : -1) || a.i - b.i;
      });
      body.append(...order.map((entry) => entry.row));
    }));
    const button = $("[data-tsv]", block);
    if (button) button.addEventListener("click", () => {
      const clean = (text) => text.replace(/[\t\r\n]+/g, " ");
      const lines = [heads.map((h) => clean(h.textContent)).join("\t")];
      $$("tr", body).forEach((row) => lines.push(Array.from(row.cells).map((c) => (c.dataset.v !== undefined ? c.dataset.v : clean(c.textContent))).join("\t")));
      save(button.dataset.tsv, "text/tab-separated-values", lines.join("\n") + "\n");
    });
  });

  /* ----------------------------------------------------------- commands -- */
  function copy(text) {
    if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
    const area = make("textarea", { value: text });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done ? Promise.resolve() : Promise.reject(new Error("copy refused"));
  }
  $$(".command button").forEach((button) => button.addEventListener("click", () => {
    copy($("pre", button.parentNode).textContent).then(() => "Copied", () => "Select and copy by hand").then((word) => {
      button.textContent = word;
      setTimeout(() => { button.textContent = "Copy"; }, 1600);
    });
  }));

  /* ------------------------------------------------------------- theme -- */
  const theme = $("#theme");
  if (theme) {
    const dark = () => (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    theme.hidden = false;
    theme.addEventListener("click", () => {
      document.documentElement.dataset.theme = dark() ? "light" : "dark";
      viewers.forEach((viewer) => viewer.draw());
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => viewers.forEach((viewer) => viewer.draw()));
  }

  /* ----------------------------------------------------- contents: where -- */
  const links = new Map($$("nav.contents a").map((link) => [link.hash.slice(1), link]));
  if ("IntersectionObserver" in window) {
    const seen = new Set();
    const observer = new IntersectionObserver((entries) => {
      entries.forEach((entry) => (entry.isIntersecting ? seen.add(entry.target.id) : seen.delete(entry.target.id)));
      const first = Array.from(links.keys()).find((id) => seen.has(id));
      if (first === undefined) return;
      links.forEach((link, id) => (id === first ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current")));
    }, { rootMargin: "-10% 0px -60% 0px" });
    links.forEach((link, id) => { const target = document.getElementById(id); if (target) observer.observe(target); });
  }

  /* ----------------------------------------------------- matrix viewers -- */
  const viewers = [];
  const maps = JSON.parse($("#cf-maps").textContent);
  const tables = {};
  ["sequential", "diverging", "cyclic"].forEach((name) => {
    tables[name] = Uint8Array.from(maps[name].match(/../g), (hex) => parseInt(hex, 16));
  });
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function decode(text) {
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; ++i) bytes[i] = raw.charCodeAt(i);
    const view = new DataView(bytes.buffer), values = new Float64Array(bytes.length / 4);
    for (let i = 0; i < values.length; ++i) values[i] = view.getFloat32(4 * i, true);
    return values;
  }
  /* Average ranks of the finite values, scaled to 0..1. */
  function ranks(values) {
    const order = Array.from(values.keys()).filter((i) => Number.isFinite(values[i])).sort((a, b) => values[a] - values[b]);
    const out = new Float64Array(values.length).fill(NaN);
    for (let i = 0; i < order.length;) {
      let j = i;
      while (j < order.length && values[order[j]] === values[order[i]]) ++j;
      for (let k = i; k < j; ++k) out[order[k]] = (i + j - 1) / 2 / Math.max(1, order.length - 1);
      i = j;
    }
    return out;
  }

  function Viewer(box) {
    const data = JSON.parse(document.getElementById(box.dataset.source).textContent);
    const n = data.n, items = data.items;
    const state = { item: 0, shared: items.length > 1 && data.shared, rank: false, order: (data.orders && data.orders[data.order]) || null, hover: null, pins: [] };
    items.forEach((item) => { item.values = decode(item.data); delete item.data; });
    const name = (i) => (data.labels ? data.labels[i] : "condition " + (i + 1));
    const at = (item, i, j) => {
      if (data.full) return item.values[i * n + j];
      if (i === j) return NaN;
      if (i > j) { const k = i; i = j; j = k; }
      return item.values[i * n - (i * (i + 1)) / 2 + (j - i - 1)];
    };
    const index = (i, j) => {
      if (data.full) return i * n + j;
      if (i > j) { const k = i; i = j; j = k; }
      return i * n - (i * (i + 1)) / 2 + (j - i - 1);
    };
    items.forEach((item) => {
      let low = Infinity, high = -Infinity;
      for (let i = 0; i < n; ++i) for (let j = i + 1; j < n; ++j) [at(item, i, j), data.full ? at(item, j, i) : NaN].forEach((v) => {
        if (Number.isFinite(v)) { low = Math.min(low, v); high = Math.max(high, v); }
      });
      item.low = low; item.high = high;
    });

    /* controls */
    const controls = make("div", { className: "controls" });
    const select = make("select");
    items.forEach((item, k) => select.append(make("option", { value: k, textContent: item.name })));
    if (items.length > 1) {
      const step = (d) => { select.value = (state.item + d + items.length) % items.length; select.dispatchEvent(new Event("change")); };
      const back = make("button", { type: "button", className: "button", textContent: "‹", onclick: () => step(-1) });
      const next = make("button", { type: "button", className: "button", textContent: "›", onclick: () => step(1) });
      back.setAttribute("aria-label", "previous matrix");
      next.setAttribute("aria-label", "next matrix");
      controls.append(make("label", {}, "Show ", select), make("span", {}, back, " ", next));
    }
    select.addEventListener("change", () => { state.item = Number(select.value); draw(); });
    const check = (text, on, act) => {
      const input = make("input", { type: "checkbox", checked: on });
      input.addEventListener("change", () => { act(input.checked); draw(); });
      controls.append(make("label", {}, input, text));
    };
    if (items.length > 1) check("Shared colour range", state.shared, (on) => { state.shared = on; });
    check("Rank-transform", false, (on) => { state.rank = on; });
    if (data.orders) {
      const pick = make("select");
      pick.append(make("option", { value: "", textContent: "as given" }));
      Object.keys(data.orders).forEach((key) => pick.append(make("option", { value: key, textContent: key })));
      if (data.order) pick.value = data.order;
      pick.addEventListener("change", () => { state.order = pick.value ? data.orders[pick.value] : null; draw(); });
      controls.append(make("label", {}, "Order ", pick));
    }
    const canvas = make("canvas", { tabIndex: 0 });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", (data.title || "matrix") + ": arrow keys move over the pairs, Enter pins one");
    const readout = make("p", { className: "readout muted" });
    readout.setAttribute("aria-live", "polite");
    const pins = make("ul", { className: "pins" });
    const low = make("span"), high = make("span"), ramp = make("i");
    const quantity = make("p", { className: "quantity" });
    const stage = make("div", { className: "stage" }, canvas);
    box.append(controls, stage, make("div", { className: "bar" }, low, ramp, high), quantity);
    if (data.groups) {
      const keys = make("ul", { className: "keys" });
      data.groups.forEach((group, g) => {
        const dot = make("i");
        dot.style.background = "var(--c" + (g % 10) + ")";
        keys.append(make("li", {}, dot, group));
      });
      box.append(keys);
    }
    box.append(readout, pins);

    const shownRank = new Map();
    function rankOf(item) {
      if (!shownRank.has(item)) {
        const source = Float64Array.from(item.values);
        if (data.full) for (let i = 0; i < n; ++i) source[i * n + i] = NaN;
        shownRank.set(item, ranks(source));
      }
      return shownRank.get(item);
    }
    const idle = "Point at a cell, or focus the matrix and use the arrow keys. Click or Enter pins a pair.";
    let frame = { x: 0, y: 0, side: 1 };
    function range() {
      if (state.rank) return [0, 1];
      let a = items[state.item].low, b = items[state.item].high;
      if (state.shared) { a = Math.min(...items.map((i) => i.low)); b = Math.max(...items.map((i) => i.high)); }
      if (data.diverging) { b = Math.max(Math.abs(a), Math.abs(b)); a = -b; }
      return b > a ? [a, b] : [a, a + 1];
    }
    function draw() {
      const item = items[state.item], [a, b] = range(), order = state.order, table = tables[data.diverging && !state.rank ? "diverging" : "sequential"];
      const rank = state.rank ? rankOf(item) : null;
      const wide = stage.clientWidth || 480, ratio = window.devicePixelRatio || 1;
      const bar = data.group ? Math.max(6, Math.round(wide / 70)) : 0;
      const context = canvas.getContext("2d");
      let font = 0, margin = 0;
      if (data.labels) {
        font = Math.min(12, 0.86 * (wide * 0.8) / n);
        if (font >= 6.5) {
          context.font = font + "px " + css("--sans");
          margin = Math.min(wide * 0.26, Math.max(...data.labels.map((l) => context.measureText(l).width)) + 8);
        } else font = 0;
      }
      const left = margin + (bar ? bar + 3 : 0), top = bar ? bar + 3 : 0;
      const side = wide - left - 1, height = top + side + margin + 1;
      frame = { x: left, y: top, side };
      canvas.width = Math.round(wide * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.height = height + "px";
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      const image = new ImageData(n, n);
      const grey = css("--line");
      const gap = [parseInt(grey.slice(1, 3), 16), parseInt(grey.slice(3, 5), 16), parseInt(grey.slice(5, 7), 16)];
      for (let row = 0; row < n; ++row) for (let col = 0; col < n; ++col) {
        const i = order ? order[row] : row, j = order ? order[col] : col, o = 4 * (row * n + col);
        const v = i === j ? NaN : rank ? rank[index(i, j)] : at(item, i, j);
        if (Number.isFinite(v)) {
          const k = 3 * Math.max(0, Math.min(255, Math.round((255 * (v - a)) / (b - a))));
          image.data[o] = table[k]; image.data[o + 1] = table[k + 1]; image.data[o + 2] = table[k + 2];
        } else { image.data[o] = gap[0]; image.data[o + 1] = gap[1]; image.data[o + 2] = gap[2]; }
        image.data[o + 3] = 255;
      }
      const cells = make("canvas", { width: n, height: n });
      cells.getContext("2d").putImageData(image, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(cells, left, top, side, side);
      const cell = side / n;
      if (bar) for (let p = 0; p < n; ++p) {
        context.fillStyle = css("--c" + (data.group[order ? order[p] : p] % 10));
        context.fillRect(left + p * cell, 0, cell + 0.5, bar);
        context.fillRect(left - bar - 3, top + p * cell, bar, cell + 0.5);
      }
      if (font) {
        context.font = font + "px " + css("--sans");
        context.textBaseline = "middle";
        for (let p = 0; p < n; ++p) {
          const text = clip(context, name(order ? order[p] : p), margin - 8);
          const strong = state.hover && (state.hover[0] === p || state.hover[1] === p);
          context.fillStyle = strong ? css("--accent") : css("--ink");
          context.textAlign = "right";
          context.fillText(text, margin - 5, top + (p + 0.5) * cell);
          context.save();
          context.translate(left + (p + 0.5) * cell, top + side + 5);
          context.rotate(-Math.PI / 2);
          context.fillText(text, 0, 0);
          context.restore();
        }
      }
      const outline = (p, q, colour) => {
        context.strokeStyle = colour;
        context.lineWidth = 2;
        context.strokeRect(left + q * cell - 1, top + p * cell - 1, cell + 2, cell + 2);
        context.strokeStyle = "#fff";
        context.lineWidth = 1;
        context.strokeRect(left + q * cell - 2.5, top + p * cell - 2.5, cell + 5, cell + 5);
      };
      const place = (i) => (order ? order.indexOf(i) : i);
      state.pins.forEach((pin) => outline(place(pin[0]), place(pin[1]), "#111"));
      if (state.hover) {
        context.fillStyle = "rgba(255,255,255,.28)";
        context.fillRect(left, top + state.hover[0] * cell, side, cell);
        context.fillRect(left + state.hover[1] * cell, top, cell, side);
        outline(state.hover[0], state.hover[1], "#e0402a");
      }
      const stops = [];
      for (let s = 0; s <= 16; ++s) { const k = 3 * Math.round((s / 16) * 255); stops.push("rgb(" + table[k] + "," + table[k + 1] + "," + table[k + 2] + ")"); }
      ramp.style.background = "linear-gradient(90deg," + stops.join(",") + ")";
      low.textContent = state.rank ? "lowest" : show(a);
      high.textContent = state.rank ? "highest" : show(b);
      quantity.textContent = (state.rank ? "rank of " : "") + (data.quantity || "value") + (items.length > 1 && !state.rank ? (state.shared ? "; one range for all" : "; range of this matrix") : "");
      tell();
    }
    function clip(context, text, room) {
      if (context.measureText(text).width <= room) return text;
      while (text.length > 1 && context.measureText(text + "…").width > room) text = text.slice(0, -1);
      return text + "…";
    }
    function pairText(i, j) {
      const item = items[state.item];
      if (i === j && !data.full) return name(i) + " with itself";
      const v = at(item, i, j);
      const share = state.rank && i !== j ? ", percentile " + Math.round(100 * rankOf(item)[index(i, j)]) : "";
      return name(i) + " – " + name(j) + ": " + show(v) + share + (items.length > 1 ? " (" + item.name + ")" : "");
    }
    const real = (p) => (state.order ? state.order[p] : p);
    function tell() {
      readout.replaceChildren();
      readout.classList.toggle("muted", !state.hover);
      if (state.hover) readout.append(make("b", { textContent: pairText(real(state.hover[0]), real(state.hover[1])) }));
      else readout.append(idle);
      pins.replaceChildren(...state.pins.map((pin, k) => {
        const button = make("button", { type: "button", textContent: pairText(pin[0], pin[1]) + " ×", onclick: () => { state.pins.splice(k, 1); draw(); } });
        button.setAttribute("aria-label", "remove pin " + pairText(pin[0], pin[1]));
        return make("li", {}, button);
      }));
      lightPoints(box.closest("section"), state.hover ? [real(state.hover[0]), real(state.hover[1])] : []);
    }
    function cellAt(event) {
      const bounds = canvas.getBoundingClientRect();
      const q = Math.floor(((event.clientX - bounds.left - frame.x) / frame.side) * n), p = Math.floor(((event.clientY - bounds.top - frame.y) / frame.side) * n);
      return p >= 0 && q >= 0 && p < n && q < n ? [p, q] : null;
    }
    function pin() {
      if (!state.hover) return;
      const pair = state.hover.map(real), k = state.pins.findIndex((p) => p[0] === pair[0] && p[1] === pair[1]);
      if (k >= 0) state.pins.splice(k, 1);
      else state.pins.push(pair);
      draw();
    }
    canvas.addEventListener("pointermove", (event) => {
      const cell = cellAt(event);
      if (String(cell) !== String(state.hover)) { state.hover = cell; draw(); }
      if (cell) showTip(pairText(real(cell[0]), real(cell[1])), event.clientX, event.clientY);
      else hideTip();
    });
    canvas.addEventListener("pointerleave", () => { state.hover = null; hideTip(); draw(); });
    canvas.addEventListener("click", (event) => { state.hover = cellAt(event); pin(); });
    canvas.addEventListener("keydown", (event) => {
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); pin(); return; }
      if (event.key === "Escape") { state.hover = null; draw(); return; }
      if (!move) return;
      event.preventDefault();
      const from = state.hover || [0, 0];
      state.hover = state.hover ? [Math.max(0, Math.min(n - 1, from[0] + move[0])), Math.max(0, Math.min(n - 1, from[1] + move[1]))] : [0, Math.min(1, n - 1)];
      draw();
    });
    if ("ResizeObserver" in window) {
      let last = 0;
      new ResizeObserver(() => { if (stage.clientWidth !== last) { last = stage.clientWidth; draw(); } }).observe(stage);
    } else addEventListener("resize", draw);
    draw();
    this.draw = draw;
    this.state = state;
    this.text = () => readout.textContent;
  }
  $$(".viewer").forEach((box) => viewers.push(new Viewer(box)));
  window.cortifold = { make, show, showTip, hideTip, css, tables, viewers }; /* for space.js */
})();
