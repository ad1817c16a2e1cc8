"use strict";

// Whatever comes from the run is set as text, never parsed as markup.
function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function draw(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const byId = (name) => document.getElementById(name);

// The content of a data block; null where there is none, or while it is still being loaded.
function block(name) {
  const node = byId(name);
  if (!node || (document.readyState === "loading" && !node.nextElementSibling)) return null;
  return JSON.parse(node.textContent);
}

function decimals(value, digits) {
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

// As many digits as tell the values of one quantity apart.
function digitsOf(values) {
  const largest = Math.max(0, ...values.map(Math.abs));
  if (values.every(Number.isInteger) || largest >= 1000) return 0;
  return largest >= 100 ? 1 : largest >= 1 ? 2 : 3;
}

function duration(seconds) {
  if (seconds < 120) return `${decimals(seconds, seconds < 10 ? 1 : 0)} s`;
  if (seconds < 7200) return `${decimals(seconds / 60, 0)} min`;
  return `${decimals(seconds / 3600, 1)} h`;
}

const moment = (text) => String(text).replace("T", " ").replace(/(\.\d+)?(\+00:00|Z)$/, " UTC");

function bytes(count) {
  const power = Math.min(4, Math.floor(Math.log2(Math.max(1, count)) / 10));
  return `${decimals(count / 1024 ** power, power && count / 1024 ** power < 10 ? 1 : 0)} ${["B", "KiB", "MiB", "GiB", "TiB"][power]}`;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
}

function fact(content, path) {
  if (typeof content !== "number") return String(content ?? "–");
  if (/(bytes|memory)$/.test(path)) return bytes(content);
  return Number.isInteger(content) ? String(content) : String(Number(content.toPrecision(4)));
}

function facts(content, path = "") {
  if (content === null || typeof content !== "object") return [[path, fact(content, path)]];
  if (Array.isArray(content) && content.every((item) => typeof item !== "object")) return [[path, content.map((item) => fact(item, "")).join(", ")]];
  return Object.entries(content).flatMap(([key, value]) => facts(value, path ? `${path} · ${key}` : key));
}

function factList(content) {
  return facts(content).flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value)]);
}
