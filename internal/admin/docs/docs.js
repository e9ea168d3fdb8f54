// Shows openapi.json: a line for each route, which opens to what it takes and gives.
"use strict";

const el = (name, ...inside) => {
  const e = document.createElement(name);
  e.append(...inside);
  return e;
};

let schemas = {};

// typeOf is a schema in a few words.
const typeOf = (s) => {
  if (s.$ref) return s.$ref.split("/").pop();
  if (s.anyOf) return s.anyOf.map(typeOf).join(" or ");
  const words = [].concat(s.type || "anything");
  if (s.items) return "list of " + typeOf(s.items);
  return (s.enum ? s.enum.join(", ") : words.join(" or ")) + (s.format ? " (" + s.format + ")" : "");
};

// members is a table of what an object has.
const members = (schema) => {
  const s = schema.$ref ? schemas[schema.$ref.split("/").pop()] : schema;
  if (!s || !s.properties) return el("p", typeOf(schema));
  const rows = Object.entries(s.properties).map(([name, m]) =>
    el("tr", el("td", el("code", name)), el("td", typeOf(m)), el("td", (s.required || []).includes(name) ? "needed" : ""), el("td", m.description || "")));
  return el("table", ...rows);
};

const route = (method, path, op) => {
  const d = el("details", el("summary", el("code", method.toUpperCase() + " " + path), " ", op.summary));
  d.append(el("p", "Permission: " + op["x-permission"]));
  const query = (op.parameters || []).map((p) =>
    el("tr", el("td", el("code", p.name)), el("td", p.in), el("td", typeOf(p.schema)), el("td", p.description || "")));
  if (query.length) d.append(el("h4", "Parameters"), el("table", ...query));
  if (op.requestBody) d.append(el("h4", "Body"), members(op.requestBody.content["application/json"].schema));
  for (const [status, r] of Object.entries(op.responses)) {
    for (const [media, c] of Object.entries(r.content || {})) d.append(el("h4", status + " " + media), members(c.schema));
  }
  return d;
};

fetch("openapi.json").then((r) => r.json()).then((doc) => {
  schemas = doc.components.schemas;
  document.getElementById("about").textContent = doc.info.description + " Version " + doc.info.version + ".";
  const all = Object.entries(doc.paths).flatMap(([path, ops]) => Object.entries(ops).map(([m, op]) => [m, path, op]));
  for (const tag of [...new Set(all.map((x) => x[2].tags[0]))]) {
    document.getElementById("routes").append(el("h2", tag), ...all.filter((x) => x[2].tags[0] === tag).map((x) => route(...x)));
  }
});
