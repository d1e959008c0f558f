/* Runs inside the report after its own script and uses it as a reader would; writes what it saw into the title. */
"use strict";
(function () {
  const wrong = window.reportErrors;
  const $$ = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const check = (what, right) => { if (!right) wrong.push(what); };
  const pointer = (target, type, x, y) => target.dispatchEvent(new PointerEvent(type, { bubbles: true, clientX: x, clientY: y }));
  const tip = () => document.getElementById("tip");
  try {
    /* matrices: hover, pin, keys, toggles */
    const viewers = $$(".viewer");
    const spaces = $$(".space");
    check("no viewers", viewers.length + spaces.length > 0);
    viewers.forEach((box, k) => {
      const canvas = box.querySelector("canvas"), text = () => box.querySelector(".readout").textContent;
      check("viewer " + k + " is empty", canvas && canvas.width > 50 && canvas.height > 50);
      canvas.scrollIntoView();
      const b = canvas.getBoundingClientRect();
      pointer(canvas, "pointermove", b.left + b.width * 0.9, b.top + b.height * 0.2);
      check("hover of viewer " + k + " says nothing: " + text(), /–.*: −?[0-9]/.test(text()) && !tip().hidden);
      pointer(canvas, "click", b.left + b.width * 0.9, b.top + b.height * 0.2);
      check("click of viewer " + k + " pins nothing", box.querySelectorAll(".pins li").length === 1);
      box.querySelector(".pins button").click();
      check("pin of viewer " + k + " stays", box.querySelectorAll(".pins li").length === 0);
      const seen = text();
      canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
      check("arrow key in viewer " + k, text() !== seen);
      pointer(canvas, "pointerleave", 0, 0);
      const picture = () => canvas.toDataURL();
      const plain = picture();
      $$("input[type=checkbox]", box).forEach((input) => { input.click(); picture(); });
      check("toggles of viewer " + k + " change nothing", picture() !== plain);
      const colours = new Set(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data).size;
      check("viewer " + k + " has one colour", colours > 4);
      $$("select", box).forEach((select) => { select.selectedIndex = select.options.length - 1; select.dispatchEvent(new Event("change")); });
    });
    /* point clouds: turn, zoom, colour, hide groups, look at neurons, pin, keep beside one another in step */
    const press = (target, key) => target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    /* trajectories: the slider, the keys and the button move time; all of them show it */
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const plays = (k, box, canvas, view, picture) => {
      const slider = box.querySelector(".player input"), button = box.querySelector(".player button"), clock = box.querySelector(".clock");
      const end = Number(slider.max), whole = picture(), said = clock.textContent;
      const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      check("space " + k + " shows dots without paths", pixels.filter((v, q) => q % 4 === 3 && v > 60).length > 100 * view.places().x.length);
      check("space " + k + " does not begin with whole trajectories", view.state.at === end && Number(slider.value) === end && end > 1);
      check("slider of space " + k + " has no name", slider.getAttribute("aria-label") && slider.getAttribute("aria-valuetext") === said && said.length > 0);
      slider.value = 1;
      slider.dispatchEvent(new Event("input"));
      check("slider of space " + k + " moves nothing", view.state.at === 1 && picture() !== whole && clock.textContent !== said);
      const early = picture();
      press(canvas, "]");
      check("key of space " + k + " does not go on", view.state.at === 2 && Number(slider.value) === 2 && picture() !== early);
      press(canvas, "[");
      check("key of space " + k + " does not go back", view.state.at === 1 && picture() === early);
      button.click();
      if (still) check("button of space " + k + " does not step", view.state.at === 2 && !view.state.playing && button.textContent === "Step");
      else {
        check("button of space " + k + " does not play", view.state.playing && button.textContent === "Pause");
        press(canvas, " ");
        check("space key of space " + k + " does not pause", !view.state.playing && button.textContent === "Play");
      }
      slider.value = end;
      slider.dispatchEvent(new Event("input"));
      check("space " + k + " does not come back", picture() === whole && !view.state.playing);
    };
    /* responses as colours that play: there only while they are chosen, of all stimuli or of one */
    const responses = (k, box, canvas, view, picture, select, value) => {
      const player = box.querySelector(".player"), slider = player.querySelector("input"), which = $$("select", box)[1];
      select.value = value;
      select.dispatchEvent(new Event("change"));
      check("the player of space " + k + " does not show", getComputedStyle(player).display !== "none" && getComputedStyle(which.parentNode).display !== "none");
      const looks = new Set();
      for (let t = 0; t <= Number(slider.max); ++t) {
        slider.value = t;
        slider.dispatchEvent(new Event("input"));
        looks.add(picture());
      }
      check("responses of space " + k + " do not change", looks.size > Number(slider.max) / 2);
      const before = picture();
      which.value = "0";
      which.dispatchEvent(new Event("change"));
      check("a stimulus of space " + k + " looks like all", picture() !== before);
      if (!still) {
        press(canvas, "[");
        press(canvas, " ");
        check("responses of space " + k + " do not play", view.state.playing);
        press(canvas, " ");
      }
      select.selectedIndex = 0;
      select.dispatchEvent(new Event("change"));
      check("the player of space " + k + " stays", getComputedStyle(player).display === "none" && !view.state.playing);
    };
    spaces.forEach((box, k) => {
      const canvas = box.querySelector("canvas"), view = box.space, compact = box.hasAttribute("data-compact");
      check("space " + k + " is empty", canvas && canvas.width > 50 && canvas.height > 50 && view);
      check("space " + k + " has no name or focus", canvas.getAttribute("aria-label").length > 20 && canvas.tabIndex === 0);
      canvas.scrollIntoView();
      const picture = () => canvas.toDataURL(), places = () => view.places().x.slice(0, 50).join();
      const context = canvas.getContext("2d");
      check("space " + k + " has few colours", new Set(context.getImageData(0, 0, canvas.width, canvas.height).data).size > 8);
      const at = (i) => { const b = canvas.getBoundingClientRect(), p = view.places(); return [b.left + p.x[i], b.top + p.y[i]]; };
      const before = places(), one = picture();
      press(canvas, "ArrowRight");
      check("arrow key does not turn space " + k, places() !== before && picture() !== one);
      press(canvas, "+");
      press(canvas, "0");
      check("reset of space " + k, places() === before);
      const [x, y] = at(5);
      pointer(canvas, "pointerdown", x, y);
      pointer(canvas, "pointermove", x + 40, y + 12);
      pointer(canvas, "pointerup", x + 40, y + 12);
      check("dragging does not turn space " + k, places() !== before);
      $$(".tools button", box).filter((b) => b.textContent === "Reset")[0].click();
      check("reset button of space " + k, places() === before);
      /* the nearest to the eye of those at a place is taken: whichever it is, it has a name and values */
      pointer(canvas, "pointermove", ...at(5));
      const said = box.querySelector(".readout").textContent;
      check("hover of space " + k + " says nothing: " + said, view.state.hover !== null && !tip().hidden && tip().textContent.includes(" · "));
      if (!compact) {
        check("no values in space " + k, box.querySelectorAll(".readout dd").length > 0);
        const maps = $$(".readout canvas.map", box);
        if (maps.length) check("response map is empty", new Set(maps[0].getContext("2d").getImageData(0, 0, maps[0].width, maps[0].height).data).size > 20);
        const [px, py] = at(5);
        pointer(canvas, "pointerdown", px, py);
        pointer(canvas, "pointerup", px, py);
        check("click of space " + k + " pins nothing", box.querySelectorAll(".cards li").length === 1);
        press(canvas, "n");
        press(canvas, "Enter");
        check("keys of space " + k + " pin nothing", box.querySelectorAll(".cards li").length === 2);
        $$(".cards .link", box).forEach(() => box.querySelector(".cards .link").click());
        check("pins of space " + k + " stay", box.querySelectorAll(".cards li").length === 0);
      }
      press(canvas, "Escape");
      pointer(canvas, "pointerleave", 0, 0);
      if (view.player && !box.querySelector(".player").hidden) plays(k, box, canvas, view, picture);
      const select = box.querySelector("select"), seen = new Set();
      $$("option", select).forEach((option) => {
        select.value = option.value;
        select.dispatchEvent(new Event("change"));
        seen.add(picture());
      });
      check("colourings of space " + k + " look the same", seen.size === select.options.length);
      const moving = Array.from(select.options).find((option) => option.text === "response over time");
      if (moving) responses(k, box, canvas, view, picture, select, moving.value);
      select.selectedIndex = 0;
      select.dispatchEvent(new Event("change"));
      const toggle = box.querySelector(".toggles button[aria-pressed]"), all = picture();
      if (toggle) {
        toggle.click();
        check("legend of space " + k + " hides nothing", picture() !== all && toggle.getAttribute("aria-pressed") === "false");
        toggle.click();
        check("legend of space " + k + " shows nothing again", picture() === all);
      }
    });
    $$(".spaces").forEach((row) => {
      const selects = $$(".space", row).map((box) => box.querySelector("select"));
      selects[0].selectedIndex = 1;
      selects[0].dispatchEvent(new Event("change"));
      check("views beside one another differ in colouring", selects.every((s) => s.options[s.selectedIndex].text === selects[0].options[1].text));
    });
    /* drawings: hover shows values */
    $$("svg .cf-model, svg .cf-row, svg.cf-scatter .cf-points circle, svg.cf-strip circle, svg.cf-curves circle, svg .cf-bin").slice(0, 40).forEach((mark) => {
      pointer(mark, "pointermove", 30, 30);
      check("no tip on " + mark.getAttribute("class"), !tip().hidden && tip().textContent.length > 0);
    });
    /* significance: another correction gives other stars or lines */
    $$(".correction").forEach((box) => {
      const section = box.closest("section");
      const state = () => $$(".cf-star", section).map((s) => s.textContent).join() + $$(".cf-pair", section).map((p) => p.getAttribute("display")).join();
      const seen = new Set($$("input", box).map((input) => { input.click(); return state(); }));
      check("corrections look the same", seen.size > 1);
    });
    /* tables: sorting by number puts the column in order, twice the other way round */
    $$(".table").forEach((block) => {
      const heads = $$("th", block), column = heads.findIndex((h) => h.classList.contains("num"));
      if (column < 0) return;
      const values = () => $$("tbody tr", block).map((r) => Number(r.cells[column].dataset.v || "NaN")).filter((v) => !Number.isNaN(v));
      const before = values().slice().sort((a, b) => a - b);
      heads[column].querySelector("button").click();
      check("not sorted upwards", values().join() === before.join());
      heads[column].querySelector("button").click();
      check("not sorted downwards", values().join() === before.reverse().join());
    });
    /* the page is not wider than the window */
    check("page is " + document.documentElement.scrollWidth + " wide in " + innerWidth, document.documentElement.scrollWidth <= innerWidth + 1);
  } catch (error) {
    wrong.push(String(error && error.stack));
  }
  const finish = () => { document.title = wrong.length ? "WRONG " + wrong.join(" | ").replace(/\s+/g, " ") : "ALL RIGHT"; };
  /* what plays goes on by itself, and stops at the end */
  const moving = $$(".space").map((box) => box.space).filter((view) => view && view.player);
  if (!moving.length || matchMedia("(prefers-reduced-motion: reduce)").matches) { finish(); return; }
  const view = moving[0];
  let frames = 0, seen = 0, last = 0;
  view.player.press();
  const look = () => {
    if (view.state.at > last) ++seen;
    last = view.state.at;
    if (view.state.playing && ++frames < 2000) { requestAnimationFrame(look); return; }
    check("playing shows " + seen + " steps and ends at " + view.state.at, seen > 3 && !view.state.playing && Number.isInteger(view.state.at));
    finish();
  };
  requestAnimationFrame(look);
})();
