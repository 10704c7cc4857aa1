// Shows what the control endpoints tell, and asks them again twice a second. No request is kept beyond the newest few.

const EVERY_MS = 500;
const MOST_ROWS = 300;
const $ = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Text with `code` in it. Everything from outside goes through text nodes, never through HTML.
const prose = (text) => text.split("`").map((part, i) => (i % 2 ? element("code", { textContent: part }) : part));
const show = (value) => (value === "" ? "(empty)" : String(value));

let spoken;
function say(text) {
  $("message").textContent = text;
  $("message").classList.add("shown");
  clearTimeout(spoken);
  spoken = setTimeout(() => $("message").classList.remove("shown"), 4000);
}

class Unreachable extends Error {
  message = "The sandbox does not answer.";
}

async function ask(method, path, body) {
  const options = { method };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "Content-Type": "application/json" };
  }
  const answer = await fetch(`_sandbox/${path}`, options).catch(() => { throw new Unreachable(); });
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.message ?? "The sandbox rejected the request.");
  return content;
}

async function change(method, path, body, done) {
  try {
    await ask(method, path, body);
    say(done);
  } catch (error) {
    say(error.message);
  }
  await refresh();
}

// Connect

function renderConnect(config) {
  const names = { api_url: "API", auth_url: "Tokens", username: "Username", password: "Password",
    client_id: "Client id", client_secret: "Client secret" };
  const paths = { api_url: "/api/v1/reporting/publishers", auth_url: "/api/v2/oauth/token" };
  $("login").replaceChildren(...Object.entries(names).map(([name, label]) => element("tr", {},
    element("th", { scope: "row", textContent: label }),
    element("td", {}, element("code", { textContent: config[name] + (paths[name] ?? "") })))));
  $("config").textContent = JSON.stringify(config, null, 2);
  $("commands").textContent = [
    `curl -so config.json ${config.api_url}/_sandbox/config`,
    "tap-yoc --config config.json --discover > catalog.json",
    "tap-yoc --config config.json > rows.jsonl",
  ].join("\n");
}

async function copy(button) {
  const source = $(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(source.textContent);
    say("Copied.");
  } catch {  // only secure and local addresses have a clipboard
    getSelection().selectAllChildren(source);
    say("Selected. Copy it with the keyboard.");
  }
}

// Forms

function control(form, id) {
  if (form.choices) {
    const options = form.choices.map((choice) => element("option", { value: choice, textContent: choice }));
    return element("select", { id }, ...options);
  }
  if (typeof form.healthy === "boolean") return element("input", { id, type: "checkbox" });
  if (typeof form.healthy === "number") return element("input", { id, type: "number", min: form.least, required: true });
  return element("input", { id, type: "text", placeholder: "(empty)" });
}

function valueOf(form, input) {
  if (typeof form.healthy === "boolean") return input.checked;
  return typeof form.healthy === "number" ? Number(input.value) : input.value;
}

function renderForms(forms) {
  $("form-list").replaceChildren(...forms.map((form) => {
    const id = `form-${form.name}`;
    const input = control(form, id);
    input.classList.add("control");
    input.setAttribute("aria-describedby", `${id}-about`);
    input.addEventListener("change", () => {
      if (!input.reportValidity()) return;
      const value = valueOf(form, input);
      change("PATCH", "forms", { [form.name]: value }, `The form ${form.name} is now ${show(value)}.`);
    });
    return element("div", { className: "form", id: `${id}-row` },
      element("label", { htmlFor: id }, element("code", { textContent: form.name })),
      element("p", { id: `${id}-about` }, ...prose(form.about)), input);
  }));
}

function updateForms(forms, state) {
  const changed = forms.filter((form) => state.forms[form.name] !== form.healthy);
  for (const form of forms) {
    const input = $(`form-${form.name}`);
    const value = state.forms[form.name];
    $(`form-${form.name}-row`).classList.toggle("changed", changed.includes(form));
    if (input.type === "checkbox") input.checked = value;
    else if (input !== document.activeElement || input.tagName === "SELECT") input.value = value;
  }
  $("changed").textContent = `${changed.length} of ${forms.length} changed`;
  return changed;
}

// Faults

function renderFaults(faults, places) {
  $("kinds").replaceChildren(...faults.map((fault, i) => element("label", {},
    element("input", { type: "radio", name: "kind", value: fault.kind, checked: i === 0, required: true }),
    element("code", { textContent: fault.kind }), " ",
    element("span", { className: "about" }, ...prose(fault.about)))));
  const fields = $("fault").elements;
  fields.where.replaceChildren(...places.map((place) => element("option", { value: place, textContent: place })));
  const narrow = () => {
    const fault = faults.find((one) => one.kind === fields.kind.value);
    fields.where.value = fault.where;
    for (const label of $("fault").querySelectorAll("[data-own]")) {
      const used = fault.options.includes(label.dataset.own);
      label.hidden = !used;
      label.querySelector("input").disabled = !used;
    }
  };
  $("kinds").addEventListener("change", narrow);
  fields.forever.addEventListener("change", () => { fields.times.disabled = fields.forever.checked; });
  $("fault").addEventListener("submit", (event) => {
    event.preventDefault();
    const rule = { kind: fields.kind.value, where: fields.where.value };
    rule.times = fields.forever.checked ? -1 : Number(fields.times.value);
    for (const name of ["after", "page", "status", "seconds"]) {
      if (!fields[name].disabled && fields[name].value !== "") rule[name] = Number(fields[name].value);
    }
    for (const name of ["match", "retry_after", "location", "column"]) {
      if (!fields[name].disabled && fields[name].value !== "") rule[name] = fields[name].value;
    }
    change("POST", "faults", rule, `The fault ${rule.kind} is on.`);
  });
  narrow();
}

function ruleInWords(rule, faults) {
  const own = faults.find((one) => one.kind === rule.kind)?.options ?? [];
  const several = rule.times === 1 ? `the next ${rule.where} request` : `the next ${rule.times} ${rule.where} requests`;
  const words = [rule.times < 0 ? `every ${rule.where} request` : several];
  if (rule.after) words.push(`after ${rule.after} more`);
  if (rule.page !== null) words.push(`page ${rule.page}`);
  if (rule.match) words.push(`with ${rule.match}`);
  for (const name of own) if (rule[name] !== null) words.push(`${name} ${rule[name]}`);
  return words.join(", ");
}

function dropper(rule) {
  const drop = () => change("DELETE", `faults/${rule.number}`, undefined, `The fault ${rule.kind} is off.`);
  return element("button", { type: "button", ariaLabel: `Switch off ${rule.kind}`, textContent: "×", onclick: drop });
}

function renderSwitched(changed, state, faults) {
  const healer = (form) => {
    const heal = () => change("PATCH", "forms", { [form.name]: form.healthy }, `The form ${form.name} is healthy.`);
    return element("button", { type: "button", ariaLabel: `Reset ${form.name}`, textContent: "×", onclick: heal });
  };
  const chip = (text, button) => element("li", { className: "chip" }, element("code", { textContent: text }), button);
  const chips = [
    ...changed.map((form) => chip(`${form.name}=${show(state.forms[form.name])}`, healer(form))),
    ...state.faults.map((rule) => chip(`${rule.kind}: ${ruleInWords(rule, faults)}`, dropper(rule))),
  ];
  const none = element("li", { className: "muted", textContent: "Nothing: a healthy server." });
  $("switched").replaceChildren(...(chips.length ? chips : [none]));
  $("queue").replaceChildren(...state.faults.map((rule) => element("li", {},
    element("span", {}, element("code", { textContent: rule.kind }), ` ${ruleInWords(rule, faults)}`),
    dropper(rule))));
  $("drop-faults").hidden = !state.faults.length;
  $("healthy").hidden = !changed.length;
}

// Requests

function asked(request) {
  const body = request.body;
  const muted = (text) => element("span", { className: "muted", textContent: text });
  if (request.kind === "token") return ["token ", muted(body.grant_type ?? "without a grant")];
  if (request.kind === "metadata") return ["metadata"];
  const [first, last] = request.window ?? ["", ""];
  const day = (text) => element("span", { className: "day", textContent: text || "…" });
  const days = !request.window ? ["all days"] : first === last ? [day(first)] : [day(first), " to ", day(last)];
  return ["report ", ...days, " ", muted(`by ${(body.group_by ?? []).join(", ") || "nothing"}`)];
}

function toggle(button, row, request) {
  const open = button.getAttribute("aria-expanded") !== "true";
  button.setAttribute("aria-expanded", open);
  if (!open) return row.nextSibling.remove();
  const written = (value) => Array.isArray(value)
    ? `[${value.map((one) => JSON.stringify(one)).join(", ")}]` : JSON.stringify(value);
  const lines = Object.entries(request.body).map(([name, value]) => `  ${JSON.stringify(name)}: ${written(value)}`);
  const text = lines.length ? `{\n${lines.join(",\n")}\n}` : "No body.";
  row.after(element("tr", { className: "body" },
    element("td", { colSpan: 7 }, element("pre", { textContent: text, tabIndex: 0 }))));
}

function rowOf(request) {
  const button = element("button", { type: "button", className: "opens", textContent: request.number,
    title: "What was asked" });
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-label", `Request ${request.number}: what was asked`);
  const status = request.status || "no answer";
  const answer = element("td", { className: "answer" },
    element("span", { className: request.status >= 200 && request.status < 300 ? "good" : "bad", textContent: status }));
  if (request.fault) answer.append(" ", element("code", { className: "fault", textContent: request.fault }));
  const rows = request.rows === null ? "" : `${request.rows} of ${request.total}`;
  const time = new Date(request.at * 1000).toLocaleTimeString("en-GB");
  const row = element("tr", { className: "new" },
    element("td", {}, button),
    element("td", { className: "time", textContent: time }),
    element("td", { className: "asked" }, ...asked(request)),
    element("td", { className: "number", textContent: request.body.page ?? "" }),
    answer,
    element("td", { className: "number", textContent: rows }),
    element("td", { className: "number time", textContent: request.milliseconds.toFixed(1) }));
  row.dataset.number = request.number;
  row.querySelector(".asked").title = row.querySelector(".asked").textContent;  // one line may not hold it
  button.addEventListener("click", () => toggle(button, row, request));
  return row;
}

let seen = 0;
function emptyLog() {
  $("log").replaceChildren();
  seen = 0;
}

async function updateRequests(state) {
  const rows = () => [...$("log").querySelectorAll("[data-number]")];
  rows().filter((row) => Number(row.dataset.number) < state.oldest_request).forEach(remove);
  const failed = $("failed").checked;
  if ($("follow").checked && state.newest_request > seen) {
    const news = await ask("GET", `requests?after=${seen}&most=${MOST_ROWS}&failed=${failed}`);
    for (const request of news) $("log").prepend(rowOf(request));
    seen = Math.max(state.newest_request, ...news.map((request) => request.number));
    rows().slice(MOST_ROWS).forEach(remove);
  }
  const shown = rows().length;
  const most = shown === MOST_ROWS ? `, the newest ${MOST_ROWS} shown` : "";
  const first = state.newest_request - state.requests + 1;  // numbers go on after a reset
  const from = state.requests && first > 1 ? `, from No. ${first} on` : "";
  $("count").textContent = failed ? `${shown} of ${state.requests} failed${most}` : `${state.requests} so far${from}${most}`;
  $("empty").hidden = shown || (failed && state.requests);
  $("none-failed").hidden = shown || !failed || !state.requests;
}

function remove(row) {
  if (row.nextSibling?.className === "body") row.nextSibling.remove();
  row.remove();
}

// State

function updateNextDay() {
  $("next-day").disabled = !$("today").value;
}

function updateDay(state) {
  if ($("today") !== document.activeElement) $("today").value = state.today;
  updateNextDay();
  const gaps = state.gap_days.length ? ` · without rows: ${state.gap_days.join(", ")}` : "";
  $("reach").textContent = `serves ${state.earliest} to ${state.latest} · seed ${state.seed} · scale ${state.scale}${gaps}`;
  const real = new Intl.DateTimeFormat("en-CA", { timeZone: "Europe/Berlin" }).format(new Date());
  $("day-note").hidden = state.today === real;
  $("day-note").textContent = `It is ${real} in Berlin, and the tap uses that day. Set its end_date to ` +
    `${state.latest} or earlier, or the sandbox’s today to ${real}.`;
}

let options;
let started;
let shownState = "";
let running = Promise.resolve();

async function update() {
  let state;
  try {
    if (!options) {
      const [found, config] = await Promise.all([ask("GET", "options"), ask("GET", "config")]);
      renderForms(found.forms);
      renderFaults(found.faults, found.places);
      renderConnect(config);
      options = found;
    }
    state = await ask("GET", "state");
    if (started !== state.started) emptyLog();  // another sandbox at the same address
    started = state.started;
    await updateRequests(state);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    $("link").className = "link down";
    $("link").textContent = "no answer; has it been stopped?";
    return;
  }
  $("link").className = "link up";
  $("link").textContent = "up";
  updateDay(state);
  const changed = updateForms(options.forms, state);
  const now = JSON.stringify([state.forms, state.faults]);
  if (now !== shownState) renderSwitched(changed, state, options.faults);
  shownState = now;
}

// One after the other: what is asked for while an update runs is shown by the next one.
function refresh() {
  running = running.then(update).catch(console.error);
  return running;
}

async function poll() {
  if (!document.hidden) await refresh();
  setTimeout(poll, EVERY_MS);
}

function addDay(day) {
  const next = new Date(`${day}T00:00:00Z`);
  next.setUTCDate(next.getUTCDate() + 1);
  return next.toISOString().slice(0, 10);
}

const setToday = (today) => change("PUT", "today", { today }, `It is ${today} in the sandbox.`);
$("day").addEventListener("submit", (event) => event.preventDefault());
$("today").addEventListener("input", updateNextDay);
$("today").addEventListener("change", () => $("today").value && setToday($("today").value));
$("next-day").addEventListener("click", () => setToday(addDay($("today").value)));
$("expire").addEventListener("click", () => change("POST", "tokens/expire", undefined, "All access tokens have expired."));
$("reset").addEventListener("click", () => change("POST", "reset", undefined, "Everything is reset."));
$("forget").addEventListener("click", () => change("DELETE", "requests", undefined, "The list of requests is empty."));
$("drop-faults").addEventListener("click", () => change("DELETE", "faults", undefined, "All faults are off."));
$("healthy").addEventListener("click", () => change("PUT", "forms", {}, "All forms are healthy."));
$("follow").addEventListener("change", refresh);
$("failed").addEventListener("change", () => {
  emptyLog();
  refresh();
});
for (const button of document.querySelectorAll("[data-copies]")) button.addEventListener("click", () => copy(button));

poll();
