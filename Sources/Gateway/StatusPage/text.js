"use strict";
// How values are written, and how nodes are made and kept.

const byId = (id) => document.getElementById(id);

// In place, so that a selection and a screen reader's place stay.
function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function make(tag, parent, text = null, className = "") {
  const node = document.createElement(tag);
  if (text !== null) node.textContent = text;
  if (className) node.className = className;
  parent?.append(node);
  return node;
}

function button(parent, text, action) {
  const node = make("button", parent, text);
  node.type = "button";
  node.addEventListener("click", action);
  return node;
}

// Keeps one view (an object with `node`) for each key in `parent`, in the keys' order.
function keep(parent, views, keys, create) {
  const wanted = new Set(keys);
  for (const [key, view] of views) {
    if (wanted.has(key)) continue;
    view.node.remove();
    views.delete(key);
  }
  let before = parent.firstChild;
  for (const key of keys) {
    if (!views.has(key)) views.set(key, create(key));
    const { node } = views.get(key);
    if (node === before) before = before.nextSibling;
    else parent.insertBefore(node, before);
  }
}

const number = (value, digits = 0) =>
  value === undefined || value === null ? "–" : value.toLocaleString("en", { maximumFractionDigits: digits });

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
  return number(value, unit === 0 ? 0 : 1) + " " + units[unit];
}

function duration(millis) {
  if (millis === undefined || millis === null) return "–";
  const seconds = millis / 1000;
  if (seconds < 120) return number(seconds, 1) + " s";
  if (seconds < 7200) return number(seconds / 60, 1) + " min";
  if (seconds < 172800) return number(seconds / 3600, 1) + " h";
  return number(seconds / 86400, 1) + " d";
}

const plural = (count, one, many = one + "s") => `${number(count)} ${count === 1 ? one : many}`;
