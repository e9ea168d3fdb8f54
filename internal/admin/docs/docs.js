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

// example is a value of a schema, with what is needed of it.
const example = (schema, depth = 0) => {
  const s = schema.$ref ? schemas[schema.$ref.split("/").pop()] : schema;
  if (!s || depth > 4) return null;
  if (s.anyOf) return example(s.anyOf[0], depth + 1);
  if (s.enum) return s.enum[0];
  const type = [].concat(s.type)[0];
  if (type !== "object") return { string: "", integer: 0, number: 0, boolean: false, array: [] }[type] ?? null;
  const out = {};
  for (const name of s.required || []) out[name] = example(s.properties[name], depth + 1);
  return out;
};

const input = (name, note) => {
  const i = el("input");
  i.placeholder = name;
  i.title = note || name;
  i.setAttribute("aria-label", name);
  return i;
};

// trial is a form that sends a request and shows the answer. The key stays in this page.
const trial = (method, path, op) => {
  const params = (op.parameters || []).map((p) => [p, input(p.name, p.description)]);
  const body = op.requestBody && el("textarea", JSON.stringify(example(op.requestBody.content["application/json"].schema), null, 2));
  const send = el("button", "Try it");
  const out = el("pre");
  out.setAttribute("aria-live", "polite");
  const form = el("form", ...params.map(([p, i]) => el("label", p.name + " ", i)));
  if (body) {
    body.rows = 8;
    body.setAttribute("aria-label", "Body");
    form.append(body);
  }
  form.append(send, out);
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    let url = path;
    const query = new URLSearchParams();
    const headers = { Authorization: "Bearer " + document.getElementById("key").value };
    for (const [p, i] of params) {
      if (p.in === "path") url = url.replace("{" + p.name + "}", encodeURIComponent(i.value));
      else if (i.value === "") continue;
      else if (p.in === "query") query.set(p.name, i.value);
      else headers[p.name] = i.value;
    }
    if (body) headers["Content-Type"] = "application/json";
    if ([...query].length) url += "?" + query;
    send.disabled = true;
    out.textContent = method.toUpperCase() + " " + url;
    try {
      const r = await fetch(url, { method: method.toUpperCase(), headers, body: body ? body.value : undefined, credentials: "omit" });
      const text = await r.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* a file */ }
      out.textContent += "\n" + r.status + " " + r.statusText + "\n\n" + shown;
    } catch (err) {
      out.textContent += "\n" + err;
    }
    send.disabled = false;
  });
  return form;
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
  d.addEventListener("toggle", () => { if (d.open && !d.querySelector("form")) d.append(el("h4", "Try it out"), trial(method, path, op)); });
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
