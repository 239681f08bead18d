// Shows /api/openapi.json to people: every operation, what it takes, what it answers.
// Text goes in as text, never as markup: nothing in the document can become a script or a style.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];

/** Make an element; attributes that are null or false are left out. */
function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== ""));
  return element;
}

/** Text with `code` in it, in paragraphs. */
function prose(text) {
  return text.split(/\n\n+/).filter(Boolean).map((part) => h("p", null, words(part)));
}

function words(text) {
  return text.split(/(`[^`]+`)/).map((part) =>
    part.startsWith("`") ? h("code", null, part.slice(1, -1)) : part);
}

/** The document, with its references followed. */
class Reference {
  constructor(openapi) {
    this.openapi = openapi;
  }

  at(thing) {
    if (!thing?.$ref) return thing;
    return thing.$ref.slice(2).split("/").reduce((node, key) => node[key], this.openapi);
  }

  /** What a value is, in a word or two: `text`, `list of Send`, `integer or null`. */
  kind(given) {
    const schema = this.at(given);
    if (given.$ref) return given.$ref.split("/").pop();
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices) return choices.map((one) => this.kind(one)).join(" or ");
    const types = [schema.type ?? "anything"].flat();
    return types.map((type) => this.#named(type, schema)).join(" or ");
  }

  #named(type, schema) {
    if (type === "array") return `list of ${this.kind(schema.items ?? {})}`;
    if (type === "string" && schema.format === "date-time") return "time";
    return type === "string" ? "text" : type;
  }

  /** What a value is bound to: its choices and limits. */
  bounds(given) {
    const schema = this.at(given);
    if (schema.enum) return ["One of ", schema.enum.filter((one) => one !== null).map((one, place) =>
      [place ? ", " : "", h("code", null, String(one))]).flat(), "."];
    const least = schema.minLength ?? schema.minimum ?? schema.minItems;
    const most = schema.maxLength ?? schema.maximum ?? schema.maxItems;
    const unit = schema.maxLength ? " characters" : schema.maxItems ? " items" : "";
    if (most === undefined) return [];
    return [least > 0 ? `${least} to ${most}${unit}.` : `At most ${most}${unit}.`];
  }

  /** The objects inside a value, by their names, each once. */
  objects(given, found = new Map(), name = "") {
    const schema = this.at(given) ?? {};
    const known = given?.$ref?.split("/").pop() ?? name;
    if (schema.properties && !found.has(known)) {
      found.set(known, schema);
      for (const [key, inner] of Object.entries(schema.properties)) this.objects(inner, found, key);
    }
    for (const inner of [schema.items, ...(schema.anyOf ?? schema.oneOf ?? [])]) {
      if (inner) this.objects(inner, found, known);
    }
    return found;
  }
}

/** One operation as an article: what it takes at the left, examples at the right. */
class Article {
  constructor(reference, path, method, operation) {
    Object.assign(this, { reference, path, method, operation });
    this.needsKey = (operation.security ?? []).length > 0;
  }

  element() {
    const { operation } = this;
    return h("article", { id: operation.operationId },
      h("h3", null, this.badge(), h("span", { class: "path" }, this.path)),
      h("div", { class: "columns" },
        h("div", { class: "told" },
          h("p", { class: "summary" }, words(operation.summary ?? "")),
          prose(operation.description ?? ""),
          this.needsKey ? null : h("p", { class: "quiet" }, "Needs no key."),
          this.parameters(), this.body(), this.answers()),
        h("div", { class: "shown" }, this.request(), this.responses())));
  }

  badge() {
    return h("span", { class: `method ${this.method}` }, this.method.toUpperCase());
  }

  parameters() {
    const rows = (this.operation.parameters ?? []).map((parameter) => h("tr", null,
      h("th", { scope: "row" }, h("code", null, parameter.name),
        h("span", { class: "quiet" }, parameter.required ? `${parameter.in}, required` : parameter.in)),
      h("td", null, words(parameter.description ?? ""), " ",
        this.reference.bounds(parameter.schema ?? {}), this.usual(parameter.schema ?? {}))));
    return rows.length ? [h("h4", null, "Parameters"), h("table", null, h("tbody", null, rows))] : null;
  }

  usual(schema) {
    return schema.default === undefined ? null : ` ${schema.default} if not given.`;
  }

  body() {
    const body = this.operation.requestBody;
    if (!body) return null;
    const tables = Object.values(body.content).flatMap((content) => this.shapes(content.schema));
    return tables.length ? [h("h4", null, "Body"), tables] : null;
  }

  answers() {
    const rows = Object.entries(this.operation.responses).map(([status, answer]) => h("tr", null,
      h("th", { scope: "row" }, this.status(status)),
      h("td", null, words(answer.description), this.headers(answer),
        Object.entries(answer.content ?? {}).map(([type, content]) => this.content(type, content)))));
    return [h("h4", null, "Answers"), h("table", { class: "answers" }, h("tbody", null, rows))];
  }

  /** What an answer holds; that errors are problems is said once, at the top. */
  content(type, { schema }) {
    if (type === "application/problem+json") return null;
    const shapes = this.shapes(schema);
    return shapes.length ? shapes : h("p", { class: "quiet" }, type);
  }

  status(status) {
    return h("span", { class: `status s${status[0]}` }, status);
  }

  headers(answer) {
    const told = Object.entries(answer.headers ?? {}).map(([name, header]) => h("li", null,
      h("code", null, name), " ", words(this.reference.at(header).description ?? "")));
    return told.length ? h("ul", { class: "headers" }, told) : null;
  }

  /** The fields of every object in a shape, folded away. */
  shapes(schema) {
    return [...this.reference.objects(schema)].map(([name, object]) => h("details", null,
      h("summary", null, name),
      prose(object.description ?? ""),
      h("table", null, h("tbody", null, Object.entries(object.properties).map(([field, inner]) =>
        h("tr", null,
          h("th", { scope: "row" }, h("code", null, field)),
          h("td", null, h("span", { class: "quiet" }, this.reference.kind(inner)),
            (object.required ?? []).includes(field) ? "" : h("span", { class: "quiet" }, ", optional"),
            " ", words(inner.description ?? ""), " ", this.reference.bounds(inner))))))));
  }

  request() {
    const contents = Object.values(this.operation.requestBody?.content ?? {});
    const examples = contents.flatMap((content) => Object.entries(content.examples ?? {}));
    const shown = examples.length ? examples : [["", null]];
    return shown.map(([name, example], place) => h("details", { open: place === 0 },
      h("summary", null, name ? `Request: ${name}` : "Request"),
      h("pre", { class: "request", tabindex: "0" }, this.curl(example?.value))));
  }

  curl(value) {
    const lines = [`curl ${this.method === "get" ? "" : `-X ${this.method.toUpperCase()} `}"$BASE${this.url()}"`];
    if (this.needsKey) lines.push('-H "Authorization: Bearer $KEY"');
    if (value !== undefined) lines.push(`-d '${JSON.stringify(value, null, 2).replaceAll("'", "'\\''")}'`);
    return lines.join(" \\\n  ");
  }

  url() {
    const named = (this.operation.parameters ?? []).filter((parameter) => parameter.in === "path");
    return named.reduce((path, parameter) => parameter.example === undefined ? path :
      path.replace(`{${parameter.name}}`, encodeURIComponent(parameter.example)), this.path);
  }

  responses() {
    const shown = Object.entries(this.operation.responses).flatMap(([status, answer]) =>
      Object.values(answer.content ?? {}).flatMap((content) =>
        Object.entries(content.examples ?? {}).map(([name, example]) => [status, name, example.value])));
    return shown.map(([status, name, value], place) => h("details", { open: place === 0 },
      h("summary", null, this.status(status), ` ${name}`),
      h("pre", { class: "response", tabindex: "0" }, JSON.stringify(value, null, 2))));
  }
}

/** All operations by tag, in the order in which the document has them. */
function grouped(reference) {
  const groups = new Map((reference.openapi.tags ?? []).map((tag) => [tag.name, { tag, articles: [] }]));
  for (const [path, methods] of Object.entries(reference.openapi.paths)) {
    for (const method of METHODS.filter((name) => methods[name])) {
      const name = methods[method].tags?.[0] ?? "Others";
      if (!groups.has(name)) groups.set(name, { tag: { name }, articles: [] });
      groups.get(name).articles.push(new Article(reference, path, method, methods[method]));
    }
  }
  return [...groups.values()].filter((group) => group.articles.length);
}

function introduction({ info }) {
  return h("header", null,
    h("h1", null, info.title, " ", h("small", null, info.version)),
    prose(info.description ?? ""),
    h("p", null, "For machines: ", h("a", { href: "/api/openapi.json" }, "/api/openapi.json"), ". ",
      "In the examples ", h("code", null, "$BASE"), " is this server, and ",
      h("code", null, "$KEY"), " an API key."));
}

function section({ tag, articles }) {
  return h("section", null, h("h2", null, tag.name), prose(tag.description ?? ""),
    articles.map((article) => article.element()));
}

function entry({ tag, articles }) {
  return h("div", { class: "group" }, h("h2", null, tag.name), h("ul", null, articles.map((article) =>
    h("li", { "data-of": article.operation.operationId },
      h("a", { href: `#${article.operation.operationId}`, title: article.operation.summary ?? null },
        article.badge(), h("span", { class: "path" }, article.path.replace("/api/v1", "")))))));
}

/** Leave only what has every word of the filter in its path, its summary or its name. */
function narrow(text) {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const article of document.querySelectorAll("article")) {
    const said = `${article.id} ${article.querySelector("h3").textContent} ` +
      article.querySelector(".summary").textContent;
    const hidden = !wanted.every((word) => said.toLowerCase().includes(word));
    article.hidden = hidden;
    document.querySelector(`[data-of="${article.id}"]`).hidden = hidden;
  }
  for (const whole of document.querySelectorAll("section, .group")) {
    whole.hidden = !whole.querySelector("article:not([hidden]), li:not([hidden])");
  }
}

async function show() {
  const page = document.getElementById("page");
  try {
    const answer = await fetch("/api/openapi.json");
    if (!answer.ok) throw new Error(`it was answered ${answer.status}`);
    const reference = new Reference(await answer.json());
    const groups = grouped(reference);
    page.replaceChildren(introduction(reference.openapi), ...groups.map(section));
    document.getElementById("index").replaceChildren(...groups.map(entry));
  } catch (error) {
    page.replaceChildren(h("p", { class: "failed" }, `/api/openapi.json can't be read: ${error.message}`));
    return;
  }
  document.querySelector("nav input").addEventListener("input", (event) => narrow(event.target.value));
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

show();
