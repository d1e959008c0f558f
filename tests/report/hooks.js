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
    check("no viewers", viewers.length > 0);
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
    /* drawings: hover shows values */
    $$("svg .cf-model, svg .cf-row, svg .cf-points circle").slice(0, 40).forEach((mark) => {
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
  document.title = wrong.length ? "WRONG " + wrong.join(" | ").replace(/\s+/g, " ") : "ALL RIGHT";
})();
