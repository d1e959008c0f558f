/* The interactive point cloud of a manifold: turn, zoom, colour, look at single points; trajectories are points that move,
 * with their paths behind them, and play over time; responses play as colours. It draws on a canvas and takes its data from the page; paper and
 * browsers without script show the still figure instead. */
"use strict";
(function () {
  const { make, show, showTip, hideTip, css, tables, viewers } = window.cortifold;
  const START = { azimuth: -60, elevation: 24, zoom: 1 }, RADIANS = Math.PI / 180, NONE = 255;

  function bytesOf(text) {
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; ++i) bytes[i] = raw.charCodeAt(i);
    return bytes;
  }
  function floatsOf(text) {
    const bytes = bytesOf(text), view = new DataView(bytes.buffer), values = new Float64Array(bytes.length / 4);
    for (let i = 0; i < values.length; ++i) values[i] = view.getFloat32(4 * i, true);
    return values;
  }
  const rgb = (table, t) => {
    const k = 3 * Math.max(0, Math.min(255, Math.round(255 * t)));
    return "rgb(" + table[k] + "," + table[k + 1] + "," + table[k + 2] + ")";
  };

  /* Data are decoded once, also when two views show the same manifold. */
  const sources = new Map();
  function load(id) {
    if (sources.has(id)) return sources.get(id);
    const data = JSON.parse(document.getElementById(id).textContent);
    data.point = floatsOf(data.points);
    data.noun = data.noun || "neuron";
    if (data.path) data.way = floatsOf(data.path); /* n x steps x 3 */
    data.colourings.forEach((c) => {
      if (c.codes) c.code = bytesOf(c.codes);
      else {
        c.value = floatsOf(c.data);
        if (!(c.high > c.low)) {
          const finite = Array.from(c.value).filter(Number.isFinite);
          c.low = finite.length ? Math.min(...finite) : 0;
          c.high = finite.length ? Math.max(...finite) : 1;
          if (c.map === "diverging") { c.high = Math.max(Math.abs(c.low), Math.abs(c.high)); c.low = -c.high; }
          if (!(c.high > c.low)) c.high = c.low + 1;
        }
      }
    });
    if (data.maps) {
      const packed = bytesOf(data.maps.data);
      data.maps.level = new Uint8Array(2 * packed.length).map((_, k) => (packed[k >> 1] >> (4 * (k & 1))) & 15);
      data.maps.lows = floatsOf(data.maps.low);
      data.maps.highs = floatsOf(data.maps.high);
      if (data.maps.times > 1 && !data.way) /* colours that move */
        data.colourings.push({ name: "response over time", live: true, hidden: true, map: "sequential", low: 0, high: 1, value: new Float64Array(data.n),
          unit: "response, from the neuron's own lowest to its highest" });
    }
    const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
    const all = data.way || data.point;
    for (let i = 0; i < all.length; ++i) {
      low[i % 3] = Math.min(low[i % 3], all[i]);
      high[i % 3] = Math.max(high[i % 3], all[i]);
    }
    data.centre = low.map((v, k) => (v + high[k]) / 2);
    data.radius = 1e-300;
    for (let i = 0; 3 * i < all.length; ++i)
      data.radius = Math.max(data.radius, Math.hypot(...[0, 1, 2].map((k) => all[3 * i + k] - data.centre[k])));
    sources.set(id, data);
    return data;
  }

  function Space(box) {
    const data = load(box.dataset.source), n = data.n, compact = box.hasAttribute("data-compact");
    const steps = data.way ? data.steps : 0, frames = steps || (data.maps ? data.maps.times : 0), here = data.way ? new Float64Array(3 * n) : data.point;
    const state = Object.assign({ colouring: 0, hidden: new Set(), hover: null, pins: [], at: Math.max(0, frames - 1), playing: false, stimulus: -1 }, START);
    const sx = new Float64Array(n), sy = new Float64Array(n), depth = new Float64Array(n), order = Array.from({ length: n }, (_, i) => i);
    const colouring = () => data.colourings[state.colouring];
    const groupOf = (i) => (colouring().code ? colouring().code[i] : null);
    const visible = (i) => !colouring().code || !state.hidden.has(groupOf(i));

    /* ---------------------------------------------------------- controls -- */
    const pick = make("select");
    data.colourings.forEach((c, k) => pick.append(make("option", { value: k, textContent: c.name })));
    const which = make("select"), whichLabel = make("label", { hidden: true }, "of ", which);
    if (data.maps) ["all stimuli"].concat(data.maps.stimuli).forEach((name, k) => which.append(make("option", { value: k - 1, textContent: name })));
    which.addEventListener("change", () => { state.stimulus = Number(which.value); range(); legend(); draw(); });
    const recolour = (k, quiet) => {
      state.colouring = k;
      pick.value = k;
      state.hidden.clear();
      if (colouring().live && whichLabel.hidden) state.at = range();
      showPlayer();
      legend();
      draw();
      if (!quiet && box.parentNode.closest(".spaces"))
        box.parentNode.closest(".spaces").dispatchEvent(new CustomEvent("cf-colouring", { detail: { name: colouring().name, from: box } }));
    };
    pick.addEventListener("change", () => recolour(Number(pick.value)));
    const tool = (text, name, act) => {
      const button = make("button", { type: "button", className: "button", textContent: text, onclick: act });
      button.setAttribute("aria-label", name);
      button.title = name;
      return button;
    };
    const turn = (a, e) => {
      state.azimuth = (state.azimuth + a) % 360;
      state.elevation = Math.max(-90, Math.min(90, state.elevation + e));
      draw();
    };
    const zoom = (factor) => { state.zoom = Math.max(0.4, Math.min(12, state.zoom * factor)); draw(); };
    const reset = () => { Object.assign(state, START); draw(); };
    const controls = make("div", { className: "controls" }, make("label", {}, "Colour ", pick), whichLabel);
    const tools = make("span", { className: "tools" }, tool("◀", "turn left", () => turn(-15, 0)), tool("▶", "turn right", () => turn(15, 0)),
      tool("▲", "tilt up", () => turn(0, 10)), tool("▼", "tilt down", () => turn(0, -10)), tool("+", "zoom in", () => zoom(1.25)),
      tool("−", "zoom out", () => zoom(0.8)), tool("Reset", "reset the view", reset));
    if (!compact) tools.append(tool("PNG", "save this view as PNG", savePicture));
    controls.append(tools);
    const player = frames > 1 ? makePlayer() : null;
    function showPlayer() { /* colours that move have a time and a stimulus */
      const live = Boolean(colouring().live);
      whichLabel.hidden = !live;
      if (player && !steps) {
        player.bar.hidden = !live;
        if (!live) state.playing = false;
        player.tell();
      }
    }

    const canvas = make("canvas", { tabIndex: 0 });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", data.title + ": " + n + (steps ? " trajectories" : " points") + " in three dimensions. Arrow keys turn, plus and minus zoom, 0 resets, " +
      "N and P go to the next and the previous " + data.noun + ", Enter pins it, Escape lets go." + (steps ? " Space plays, [ and ] go back and on in time." : frames > 1 ? " Coloured by the response over time, Space plays, [ and ] go back and on in time." : ""));
    const stage = make("div", { className: "stage" }, canvas), keys = make("div", { className: "keys-box" });
    const readout = make("div", { className: "readout" }), pinned = make("ul", { className: "cards" });
    readout.setAttribute("aria-live", "polite");
    const side = make("div", { className: "side" }, readout, pinned);
    box.append(controls, make("div", { className: "space-body" }, player ? make("div", {}, stage, player.bar, keys) : make("div", {}, stage, keys), side));

    /* -------------------------------------------------------------- time -- */
    function timeText() {
      const k = Math.round(state.at), times = steps ? data.times : data.maps.seconds, unit = steps ? data.timeUnit : "s";
      return times ? show(times[k]) + (unit ? " " + unit : "") : "step " + (k + 1) + " of " + frames;
    }
    function goTo(at) {
      state.at = Math.max(0, Math.min(frames - 1, at));
      player.tell();
      draw();
    }
    /* The whole run takes LASTS seconds. Whoever asks for less motion goes step by step. */
    function makePlayer() {
      const LASTS = 4, still = "matchMedia" in window && matchMedia("(prefers-reduced-motion: reduce)").matches;
      const button = make("button", { type: "button", className: "button" }), slider = make("input", { type: "range", min: 0, max: frames - 1, step: 1, value: frames - 1 });
      const clock = make("output", { className: "clock" });
      let last = 0;
      const stop = () => { state.playing = false; state.at = Math.round(state.at); goTo(state.at); };
      const frame = (now) => {
        if (!state.playing) return;
        const gone = last ? (now - last) / 1000 : 0;
        last = now;
        goTo(state.at + (gone * (frames - 1)) / LASTS);
        if (state.at >= frames - 1) stop();
        else requestAnimationFrame(frame);
      };
      const press = () => {
        if (still) { goTo(state.at >= frames - 1 ? 0 : Math.round(state.at) + 1); return; }
        if (state.playing) { stop(); return; }
        state.playing = true;
        last = 0;
        goTo(state.at >= frames - 1 ? 0 : state.at);
        requestAnimationFrame(frame);
      };
      const tellTime = () => {
        button.textContent = still ? "Step" : state.playing ? "Pause" : "Play";
        slider.value = Math.round(state.at);
        slider.setAttribute("aria-valuetext", timeText());
        clock.textContent = timeText();
      };
      button.addEventListener("click", press);
      slider.setAttribute("aria-label", "time");
      slider.addEventListener("input", () => { state.playing = false; goTo(Number(slider.value)); });
      return { bar: make("div", { className: "player" }, button, slider, clock), press, tell: tellTime };
    }

    /* ----------------------------------------------------------- colours -- */
    let painted = "", colours = [];
    function categoryColour(c, g) {
      if (g === NONE) return css("--bin");
      if (c.cyclic) return rgb(tables.cyclic, (g % c.groups.length) / c.groups.length);
      return c.groups.length <= 10 ? css("--c" + g) : "#" + c.colours[g % c.colours.length];
    }
    /* Mean over directions (and stimuli) of a neuron's map at a time, as a share of its own range. */
    function activity(i, at) {
      const m = data.maps, S = m.stimuli.length, D = m.directions, T = m.times, whole = Math.min(T - 1, Math.floor(at)), part = at - whole;
      const from = state.stimulus < 0 ? 0 : state.stimulus, to = state.stimulus < 0 ? S : state.stimulus + 1;
      let sum = 0, known = 0;
      for (let r = (i * S + from) * D; r < (i * S + to) * D; ++r) {
        const a = m.level[r * T + whole], b = m.level[r * T + Math.min(T - 1, whole + 1)];
        if (a === 15 || b === 15) continue;
        sum += (1 - part) * a + part * b;
        ++known;
      }
      return known ? sum / known / 14 : NaN;
    }
    /* The range of the colours holds all but the strongest hundredth; returns the frame of the largest mean. */
    function range() {
      const all = [];
      let best = 0, most = -1;
      for (let t = 0; t < frames; ++t) {
        let sum = 0;
        for (let i = 0; i < n; ++i) {
          const v = activity(i, t);
          if (Number.isNaN(v)) continue;
          sum += v;
          all.push(v);
        }
        if (sum > most) { most = sum; best = t; }
      }
      all.sort((p, q) => p - q);
      colouring().low = 0;
      colouring().high = (all.length && all[Math.floor(0.99 * (all.length - 1))]) || 1;
      return best;
    }
    function paint() {
      const c = colouring(), key = state.colouring + css("--c0") + css("--paper") + (c.live ? state.at + "/" + state.stimulus : "");
      if (key === painted) return;
      painted = key;
      if (c.live) for (let i = 0; i < n; ++i) c.value[i] = activity(i, state.at);
      if (c.code) {
        const byGroup = new Map();
        colours = Array.from(c.code, (g) => { if (!byGroup.has(g)) byGroup.set(g, categoryColour(c, g)); return byGroup.get(g); });
      } else {
        const table = tables[c.map] || tables.sequential;
        colours = Array.from(c.value, (v) => (Number.isFinite(v) ? rgb(table, (v - c.low) / (c.high - c.low)) : css("--bin")));
      }
    }
    function members(c) {
      const count = new Map();
      c.code.forEach((g) => count.set(g, (count.get(g) || 0) + 1));
      const alone = Array.from(count.values()).every((n) => n === 1); // then numbers say nothing
      return Array.from(count.keys()).sort((a, b) => a - b).map((g) => ({ g, name: g === NONE ? c.none || "none" : c.groups[g], count: alone ? "" : String(count.get(g)) }));
    }
    function legend() {
      const c = colouring();
      keys.replaceChildren();
      if (!c.code) {
        const ramp = make("i"), table = tables[c.map] || tables.sequential;
        ramp.style.background = "linear-gradient(90deg," + Array.from({ length: 17 }, (_, s) => rgb(table, s / 16)).join(",") + ")";
        keys.append(make("div", { className: "bar" }, make("span", { textContent: show(c.low) }), ramp, make("span", { textContent: show(c.high) })),
          make("p", { className: "quantity", textContent: c.unit || c.name }));
        return;
      }
      const list = make("ul", { className: "keys toggles" });
      members(c).forEach((m) => {
        const dot = make("i"), button = make("button", { type: "button" }, dot, m.name, make("span", { className: "muted", textContent: " " + m.count }));
        dot.style.background = categoryColour(c, m.g);
        button.setAttribute("aria-pressed", String(!state.hidden.has(m.g)));
        button.addEventListener("click", () => {
          if (state.hidden.has(m.g)) state.hidden.delete(m.g);
          else state.hidden.add(m.g);
          button.setAttribute("aria-pressed", String(!state.hidden.has(m.g)));
          all.hidden = state.hidden.size === 0;
          draw();
        });
        list.append(make("li", {}, button));
      });
      const all = make("button", { type: "button", className: "link", textContent: "show all", hidden: state.hidden.size === 0, onclick: () => { state.hidden.clear(); legend(); draw(); } });
      list.append(make("li", {}, all));
      keys.append(list);
    }

    /* ----------------------------------------------------------- drawing -- */
    function project(wide, tall) {
      const a = state.azimuth * RADIANS, e = state.elevation * RADIANS, scale = (0.46 * Math.min(wide, 1.15 * tall) * state.zoom) / data.radius;
      const row = [[-Math.sin(a), Math.cos(a), 0], [-Math.sin(e) * Math.cos(a), -Math.sin(e) * Math.sin(a), Math.cos(e)],
        [Math.cos(e) * Math.cos(a), Math.cos(e) * Math.sin(a), Math.sin(e)]];
      row.spot = (from, k) => {
        const x = from[k] - data.centre[0], y = from[k + 1] - data.centre[1], z = from[k + 2] - data.centre[2];
        return [wide / 2 + scale * (row[0][0] * x + row[0][1] * y + row[0][2] * z), tall / 2 - scale * (row[1][0] * x + row[1][1] * y + row[1][2] * z),
          row[2][0] * x + row[2][1] * y + row[2][2] * z];
      };
      const whole = Math.min(steps - 1, Math.floor(state.at)), part = state.at - whole;
      for (let i = 0; steps && i < n; ++i) /* between two steps as far as time is */
        for (let k = 0; k < 3; ++k) {
          const from = 3 * (i * steps + whole) + k;
          here[3 * i + k] = part > 0 ? (1 - part) * data.way[from] + part * data.way[from + 3] : data.way[from];
        }
      for (let i = 0; i < n; ++i) [sx[i], sy[i], depth[i]] = row.spot(here, 3 * i);
      order.sort((p, q) => depth[p] - depth[q] || p - q);
      return row;
    }
    /* The whole path faint, what is past in colour, its first third fading from ink: where it began. */
    function trail(context, row, i, on) {
      const whole = Math.floor(state.at), dark = Math.max(2, Math.floor(steps / 3)), lit = state.pins.includes(i) || state.hover === i;
      const line = (from, to, head) => {
        context.beginPath();
        for (let t = from; t <= to; ++t) {
          const [x, y] = row.spot(data.way, 3 * (i * steps + t));
          if (t === from) context.moveTo(x, y);
          else context.lineTo(x, y);
        }
        if (head) context.lineTo(sx[i], sy[i]);
        context.stroke();
      };
      context.lineJoin = "round";
      context.strokeStyle = colours[i];
      context.lineWidth = 1;
      context.globalAlpha = on ? 0.2 : 0.05;
      if (state.at < steps - 1) line(0, steps - 1, false);
      context.lineWidth = lit ? 3 : 1.6;
      context.globalAlpha = on ? (lit ? 1 : n > 100 ? 0.5 : 0.8) : 0.07;
      line(0, whole, true);
      if (!on) return;
      context.strokeStyle = css("--ink");
      for (let part = 0; part < 5; ++part) {
        const from = Math.floor((part * dark) / 5), to = Math.min(whole, Math.floor(((part + 1) * dark) / 5));
        if (to <= from) continue;
        context.globalAlpha = (n > 100 ? 0.5 : 0.85) * (1 - part / 5);
        line(from, to, false);
      }
    }
    const nearness = (i) => 0.5 + (0.5 * depth[i]) / data.radius;
    function triad(context, row, tall) {
      context.strokeStyle = context.fillStyle = css("--muted");
      context.lineWidth = 1;
      context.font = "11px " + css("--sans");
      context.textAlign = "center";
      context.textBaseline = "middle";
      for (let k = 0; k < 3; ++k) {
        const dx = 24 * row[0][k], dy = -24 * row[1][k], length = Math.hypot(dx, dy) || 1;
        context.beginPath();
        context.moveTo(36, tall - 36);
        context.lineTo(36 + dx, tall - 36 + dy);
        context.stroke();
        context.fillText(data.axes[k], 36 + dx + (9 * dx) / length, tall - 36 + dy + (9 * dy) / length);
      }
    }
    function render(context, wide, tall) {
      const row = project(wide, tall), dot = (n <= 100 ? 5 : n <= 400 ? 4 : n <= 1200 ? 3.2 : 2.5) * Math.min(1.6, Math.sqrt(state.zoom)) * Math.max(0.75, Math.min(1.4, wide / 560));
      paint();
      triad(context, row, tall);
      order.forEach((i) => {
        const near = nearness(i), on = visible(i);
        if (steps) trail(context, row, i, on);
        context.strokeStyle = css("--paper");
        context.lineWidth = 0.6;
        context.globalAlpha = on ? 0.45 + 0.55 * near : 0.07;
        context.fillStyle = colours[i];
        context.beginPath();
        context.arc(sx[i], sy[i], dot * (0.7 + 0.3 * near), 0, 2 * Math.PI);
        context.fill();
        if (on && n <= 1200) context.stroke();
      });
      context.globalAlpha = 1;
      context.font = "600 11px " + css("--sans");
      context.textAlign = "left";
      const ring = (i, text) => {
        context.strokeStyle = css("--ink");
        context.lineWidth = 1.8;
        context.beginPath();
        context.arc(sx[i], sy[i], dot + 3, 0, 2 * Math.PI);
        context.stroke();
        if (!text) return;
        context.lineWidth = 3;
        context.strokeStyle = css("--paper");
        context.strokeText(text, sx[i] + dot + 5, sy[i] - dot - 1);
        context.fillStyle = css("--ink");
        context.fillText(text, sx[i] + dot + 5, sy[i] - dot - 1);
      };
      state.pins.forEach((i, k) => ring(i, String(k + 1)));
      if (state.hover !== null) ring(state.hover);
    }
    let size = { wide: 480, tall: 400 };
    function draw() {
      const wide = stage.clientWidth || 480, tall = Math.round(Math.min(compact ? 0.85 * wide : 0.8 * wide, 620)), ratio = window.devicePixelRatio || 1;
      size = { wide, tall };
      canvas.width = Math.round(wide * ratio);
      canvas.height = Math.round(tall * ratio);
      canvas.style.height = tall + "px";
      const context = canvas.getContext("2d");
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      render(context, wide, tall);
      tell();
    }

    /* ---------------------------------------------------- single neurons -- */
    const label = (i) => (data.labels ? data.labels[i] : data.noun + " " + (i + 1));
    const valueText = (c, i) => (c.code ? (c.code[i] === NONE ? c.none || "none" : c.groups[c.code[i]]) : show(c.live ? activity(i, state.at) : c.value[i]));
    function mapOf(i, wide) {
      const m = data.maps, S = m.stimuli.length, D = m.directions, T = m.times, columns = S > 3 ? 2 : 1, gap = 8, head = 15;
      const each = (wide - gap * (columns - 1)) / columns, high = Math.max(22, Math.min(46, 4.5 * D)), rows = Math.ceil(S / columns), ratio = window.devicePixelRatio || 1;
      const picture = make("canvas", { className: "map" });
      picture.width = Math.round(wide * ratio);
      picture.height = Math.round(rows * (high + head + 3) * ratio);
      picture.style.width = wide + "px";
      picture.style.height = rows * (high + head + 3) + "px";
      picture.setAttribute("role", "img");
      picture.setAttribute("aria-label", "response map of " + label(i) + ": largest " + show(m.highs[i]));
      const context = picture.getContext("2d"), cells = make("canvas", { width: T, height: D }), image = new ImageData(T, D), table = tables.sequential;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.imageSmoothingEnabled = false;
      context.font = "11px " + css("--sans");
      context.textBaseline = "alphabetic";
      const grey = css("--line");
      for (let s = 0; s < S; ++s) {
        const x = (s % columns) * (each + gap), y = Math.floor(s / columns) * (high + head + 3);
        for (let c = 0; c < D * T; ++c) {
          const b = m.level[(i * S + s) * D * T + c], k = 3 * Math.round((255 * b) / 14);
          for (let q = 0; q < 3; ++q) image.data[4 * c + q] = b === 15 ? parseInt(grey.slice(1 + 2 * q, 3 + 2 * q), 16) : table[k + q];
          image.data[4 * c + 3] = 255;
        }
        cells.getContext("2d").putImageData(image, 0, 0);
        context.fillStyle = css("--muted");
        let text = m.stimuli[s];
        while (text.length > 2 && context.measureText(text).width > each) text = text.slice(0, -2) + "…";
        context.fillText(text, x, y + 11);
        context.drawImage(cells, x, y + head, each, high);
      }
      return picture;
    }
    function card(i, remove, number) {
      const item = make("div", { className: "card" }), title = make("b", { textContent: (number ? number + "  " : "") + label(i) });
      const values = make("dl");
      data.colourings.forEach((c, k) => {
        if (c.hidden && k !== state.colouring) return;
        const term = make("div", { className: k === state.colouring ? "now" : "" }, make("dt", { textContent: c.name }), make("dd", { textContent: valueText(c, i) }));
        values.append(term);
      });
      item.append(title);
      if (remove) {
        const button = make("button", { type: "button", className: "link", textContent: "remove", onclick: remove });
        button.setAttribute("aria-label", "remove " + label(i));
        item.append(button);
      }
      item.append(values);
      if (data.maps) {
        item.append(mapOf(i, Math.max(180, Math.min(340, (side.clientWidth || 300) - 26))));
        item.append(make("p", { className: "muted scale", textContent: data.maps.note + " Brightest: " + show(data.maps.highs[i]) + (data.maps.unit ? " " + data.maps.unit : "") }));
      }
      return item;
    }
    const idle = "Drag or use the arrow keys to turn. Point at a " + data.noun + ", or tap it, to see its values" + (data.maps ? " and its response map" : "") + "; a click keeps it. A click on a name in the legend hides that group.";
    let told = "";
    function tell() {
      const key = [state.hover, state.pins.join(), state.colouring, css("--paper"), side.clientWidth, colouring().live && !state.playing ? state.at + "/" + state.stimulus : ""].join("|");
      if (key === told) return;
      told = key;
      if (compact) {
        readout.replaceChildren(make("p", { className: state.hover === null ? "muted" : "", textContent: state.hover === null ? "Point at a " + data.noun + "." : hint(state.hover) }));
        return;
      }
      const extra = state.hover !== null && !state.pins.includes(state.hover);
      readout.replaceChildren(extra ? card(state.hover) : make("p", { className: "muted", textContent: state.pins.length ? "" : idle }));
      pinned.replaceChildren(...state.pins.map((i, k) => make("li", {}, card(i, () => { state.pins.splice(k, 1); draw(); }, k + 1))));
    }
    function nearest(event) {
      const bounds = canvas.getBoundingClientRect(), x = event.clientX - bounds.left, y = event.clientY - bounds.top;
      let best = null, least = event.pointerType === "touch" ? 22 : 12;
      for (let i = 0; i < n; ++i) {
        const d = Math.hypot(sx[i] - x, sy[i] - y) - 2 * nearness(i); /* of equals the nearer to the eye */
        if (d < least && visible(i)) { least = d; best = i; }
      }
      return best;
    }
    const hint = (i) => {
      const name = colouring().name, value = valueText(colouring(), i);
      return label(i) + " · " + (value.startsWith(name) ? value : name + ": " + value);
    };
    function hover(i, event) {
      if (i !== state.hover) { state.hover = i; draw(); }
      if (i !== null && event) showTip(hint(i), event.clientX, event.clientY);
      else hideTip();
    }
    function pin(i) {
      if (i === null || compact) return;
      const k = state.pins.indexOf(i);
      if (k >= 0) state.pins.splice(k, 1);
      else state.pins.push(i);
      draw();
    }

    /* ------------------------------------------------------------ pointer -- */
    const down = new Map();
    let moved = 0, spread = 0;
    canvas.addEventListener("pointerdown", (event) => {
      down.set(event.pointerId, { x: event.clientX, y: event.clientY });
      moved = 0;
      spread = 0;
      try { canvas.setPointerCapture(event.pointerId); } catch (error) { /* a made-up pointer cannot be captured */ }
    });
    canvas.addEventListener("pointermove", (event) => {
      const from = down.get(event.pointerId);
      if (!from) { hover(nearest(event), event); return; }
      const dx = event.clientX - from.x, dy = event.clientY - from.y;
      moved += Math.abs(dx) + Math.abs(dy);
      down.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (down.size === 2) {
        const [p, q] = Array.from(down.values()), now = Math.hypot(p.x - q.x, p.y - q.y);
        if (spread) zoom(now / spread);
        spread = now;
      } else {
        hideTip();
        turn(-0.45 * dx, 0.45 * dy);
      }
    });
    const lift = (event) => { down.delete(event.pointerId); spread = 0; };
    canvas.addEventListener("pointerup", (event) => {
      lift(event);
      if (moved > 6) return;
      const i = nearest(event);
      hover(i, event);
      pin(i);
    });
    canvas.addEventListener("pointercancel", lift);
    canvas.addEventListener("pointerleave", () => { if (!down.size) hover(null); });
    canvas.addEventListener("wheel", (event) => { /* the page scrolls unless the view has the focus */
      if (document.activeElement !== canvas && !event.ctrlKey) return;
      event.preventDefault();
      zoom(Math.exp(-0.0015 * event.deltaY));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const shown = order.filter(visible).sort((a, b) => a - b), at = shown.indexOf(state.hover);
      const act = {
        ArrowLeft: () => turn(-8, 0), ArrowRight: () => turn(8, 0), ArrowUp: () => turn(0, 6), ArrowDown: () => turn(0, -6), "+": () => zoom(1.2),
        "=": () => zoom(1.2), "-": () => zoom(1 / 1.2), 0: reset, Home: reset, n: () => hover(shown.length ? shown[(at + 1) % shown.length] : null),
        p: () => hover(shown.length ? shown[(at + shown.length - (at < 0 ? 0 : 1)) % shown.length] : null), Enter: () => pin(state.hover), " ": () => pin(state.hover),
        Escape: () => hover(null)
      };
      if (player && (steps || colouring().live)) Object.assign(act, { " ": player.press, "[": () => goTo(Math.ceil(state.at) - 1), "]": () => goTo(Math.floor(state.at) + 1) });
      const chosen = act[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!chosen || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      chosen();
    });

    /* ------------------------------------------------------------- saving -- */
    function savePicture() {
      const wide = 900, tall = 680, foot = 24 + (colouring().code ? 20 * Math.ceil(members(colouring()).length / 5) : 44), ratio = 2;
      const paper = make("canvas", { width: wide * ratio, height: (tall + 40 + foot) * ratio }), context = paper.getContext("2d"), c = colouring();
      context.scale(ratio, ratio);
      context.fillStyle = css("--paper");
      context.fillRect(0, 0, wide, tall + 40 + foot);
      context.save();
      context.translate(0, 40);
      render(context, wide, tall);
      context.restore();
      context.fillStyle = css("--ink");
      context.font = "600 16px " + css("--sans");
      context.textBaseline = "alphabetic";
      context.fillText(data.title + " · " + c.name, 20, 28);
      context.font = "13px " + css("--sans");
      if (c.code) members(c).forEach((m, k) => {
        const x = 20 + (k % 5) * ((wide - 40) / 5), y = tall + 54 + 20 * Math.floor(k / 5);
        context.fillStyle = categoryColour(c, m.g);
        context.fillRect(x, y - 9, 10, 10);
        context.fillStyle = css("--ink");
        context.fillText(m.count ? m.name + " (" + m.count + ")" : m.name, x + 15, y);
      });
      else {
        for (let s = 0; s < 200; ++s) { context.fillStyle = rgb(tables[c.map] || tables.sequential, s / 199); context.fillRect(20 + s, tall + 46, 1.2, 10); }
        context.fillStyle = css("--ink");
        context.fillText(show(c.low) + " to " + show(c.high) + "  " + (c.unit || ""), 230, tall + 56);
      }
      paper.toBlob((blob) => {
        const link = make("a", { href: URL.createObjectURL(blob), download: box.dataset.source.replace(/^data-/, "") + "-" + c.name.replace(/[^a-z0-9]+/gi, "-") + ".png" });
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 5000);
      }, "image/png");
      draw();
    }

    const row = box.parentNode.closest(".spaces");
    if (row) row.addEventListener("cf-colouring", (event) => { /* views beside one another keep the same colouring */
      const k = data.colourings.findIndex((c) => c.name === event.detail.name);
      if (event.detail.from !== box && k >= 0) recolour(k, true);
    });
    showPlayer();
    legend();
    if (player) player.tell();
    if ("ResizeObserver" in window) {
      let last = 0;
      new ResizeObserver(() => { if (stage.clientWidth !== last) { last = stage.clientWidth; draw(); } }).observe(stage);
    } else addEventListener("resize", draw);
    draw();
    this.draw = draw;
    this.state = state;
    this.player = player;
    this.places = () => ({ x: Array.from(sx), y: Array.from(sy), wide: size.wide, tall: size.tall });
    box.space = this;
  }
  Array.from(document.querySelectorAll(".space")).forEach((box) => {
    if (document.getElementById(box.dataset.source)) viewers.push(new Space(box));
    else { /* a still figure only */
      if (box.nextElementSibling) box.nextElementSibling.classList.remove("static");
      box.remove();
    }
  });
})();
