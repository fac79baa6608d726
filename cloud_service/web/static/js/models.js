// From reviews to a released model: jobs, gates, and a person who decides.

import { get, post } from "./api.js";
import { byId, fill, h, table, write } from "./dom.js";
import { gathered, onEvents } from "./feed.js";
import { sure } from "./sure.js";
import { stamp, taskLabel } from "./words.js";

let chosen = null;
let shownFor = null;

const say = (text) => write(byId("said"), text);

async function tried(act) {
  try {
    await act();
  } catch (error) {
    say(error.message);
  }
}

const verdict = (job) => (job.passed === null ? "" : h("span", { class: job.passed ? "pass" : "fail" }, job.passed ? "passed all gates" : "failed a gate"));

// ---- jobs -----------------------------------------------------------------------------------------------------------

const showJobs = gathered(async () => {
  const { jobs } = await get("/learning/jobs?limit=20");
  fill(byId("jobs"), table([
    ["Job", (job) => String(job.id), { num: true }],
    ["Task", (job) => taskLabel(job.task)],
    ["State", (job) => job.state],
    ["Asked", (job) => `${job.requested_by}, ${stamp(job.requested)}`],
    ["From", (job) => job.parent ?? ""],
    ["Candidate", (job) => job.bundle ?? ""],
    ["Gates", (job) => verdict(job)],
    ["Why", (job) => job.reason],
    ["", (job) => (job.digest ? h("button", { type: "button", class: "second", "data-job": String(job.id), on: { click: () => choose(job.id) } }, "Show gates") : null)],
  ], jobs, { empty: "No job yet. A refit learns from the reviews that stand." }));
  const newest = jobs.find((job) => job.digest);
  if (chosen === null && newest) chosen = newest.id;
  const mine = jobs.find((job) => job.id === chosen);
  if (mine && shownFor !== `${mine.id}${mine.state}`) {
    shownFor = `${mine.id}${mine.state}`;
    await showCandidate(mine.id);
  }
  if (jobs.some((job) => ["queued", "running"].includes(job.state))) setTimeout(showJobs, 1500);
}, 400);

async function choose(id) {
  chosen = id;
  await tried(() => showCandidate(id));
  byId("candidate").scrollIntoView({ block: "start" });
}

// One button for each task whose model can learn from reviews.
async function showStarts() {
  const { tasks } = await get("/learning/tasks");
  fill(byId("starts"), tasks.map((one) => h("button", {
    type: "button", "data-task": one.task, disabled: one.parent === null, title: one.parent === null ? one.reason : `begins with ${one.parent}`,
    on: { click: () => tried(() => start(one.task)) },
  }, `Refit ${one.label} on the reviewed ${one.marks}`)));
}

async function start(task) {
  const job = await post("/learning/jobs", { task });
  say(`Job ${job.id} is queued.`);
  chosen = null;
  showJobs();
}

// ---- candidate --------------------------------------------------------------------------------------------------------

async function showCandidate(id) {
  const { job, report, card } = await get(`/learning/candidates/${id}`);
  byId("candidate").hidden = false;
  write(byId("candidate-h"), `Candidate ${job.bundle}, job ${job.id}`);
  const may = job.passed && job.state === "gated";
  fill(byId("verdict"), h("p", {}, verdict(job), job.state === "released" ? `, released by ${job.released_by}, ${stamp(job.released)}` : ""),
    h("p", { class: "made" }, `sha256 ${job.digest}; data set ${job.dataset ?? "none"}; ${job.bundle_bytes} bytes; judged against ${job.parent ?? "the vetted words"}`),
    h("button", { type: "button", id: "release", disabled: !may, on: { click: () => release(job) } }, "Release to the devices"),
    may ? null : h("small", { class: "muted" }, job.state === "released" ? " It is released." : " Only a candidate that passed every gate can be released."));
  fill(byId("gates"), table([
    ["Gate", (gate) => gate.name],
    ["Verdict", (gate) => h("span", { class: { passed: "pass", failed: "fail" }[gate.status] ?? "muted" }, gate.status.replace("-", " "))],
    ["On", (gate) => (gate.figures.set ? `${gate.figures.set}, n = ${gate.figures.n}` : "")],
    ["Figures", (gate) => figures(gate)],
    ["Why", (gate) => gate.why],
  ], report.gates));
  write(byId("card"), card || "The card cannot be read.");
}

const number = (value) => (typeof value !== "number" ? String(value ?? "not measured") : Number.isInteger(value) ? String(value) : Math.abs(value) < 0.001 && value ? value.toExponential(1) : value.toFixed(4));

function figures(gate) {
  const { parent, candidate } = gate.figures;
  if (parent && typeof parent === "object") return byClass(parent, candidate);
  const rest = Object.entries(gate.figures).filter(([name, value]) => !["set", "n"].includes(name) && (typeof value !== "object" || Array.isArray(value)));
  return h("div", {}, rest.map(([name, value]) => h("div", {}, `${name.replaceAll("_", " ")}: ${Array.isArray(value) ? value.join(", ") : number(value)}`)));
}

function byClass(parent, candidate) {
  return table([
    ["Class", (name) => name],
    ["n", (name) => String(parent[name].n), { num: true }],
    ["Se", (name) => `${number(parent[name].se)} > ${number(candidate[name].se)}`.replace(">", "\u2192"), { num: true }],
    ["PPV", (name) => `${number(parent[name].ppv)} \u2192 ${number(candidate[name].ppv)}`, { num: true }],
    ["F1", (name) => `${number(parent[name].f1)} \u2192 ${number(candidate[name].f1)}`, { num: true }],
  ], Object.keys(parent));
}

async function release(job) {
  const yes = await sure("Release this model?", `${job.bundle} is signed and announced to all devices. Each fetches it, checks it, tries it and reports back here.`, `Release ${job.bundle}`);
  if (!yes) return;
  await tried(async () => {
    const { target, told } = await post(`/learning/candidates/${job.id}/release`, { devices: null });
    say(`${target} is released; told ${told.map((one) => `${one.device} (${one.state})`).join(", ") || "no device"}.`);
    shownFor = null;
    showJobs();
    showReleases();
  });
}

// ---- releases -----------------------------------------------------------------------------------------------------------

const showReleases = gathered(async () => {
  const { releases } = await get("/learning/releases");
  fill(byId("releases"), releases.length ? releases.map(releaseBox) : h("p", { class: "muted" }, "Nothing is released yet: devices run the model they came with."));
}, 1000);

function releaseBox(one) {
  const { task, version } = one;
  const path = `/learning/releases/${task}/${version}`;
  const act = (title, what, yes, call) => tried(async () => {
    if (!(await sure(title, what, yes))) return;
    say(await call());
    showReleases();
  });
  return h("div", { class: "finding" },
    h("div", { class: "finding-head" }, h("h3", {}, `${taskLabel(task)} ${version}`), h("span", { class: "of" }, `${one.bytes} bytes, by ${one.noted.by ?? "?"}`)),
    h("p", { class: "made" }, `sha256 ${one.sha256}${one.noted.unchecked ? `. Released unchecked: ${one.noted.unchecked}` : ""}`),
    h("p", { class: "tools" },
      h("button", { type: "button", class: "second", on: { click: () => act("Announce again?", `All devices are told about ${one.target} once more.`, "Announce", async () => `Told ${(await post(`${path}/announce`, { devices: null })).told.map((told) => `${told.device} (${told.state})`).join(", ")}.`) } }, "Announce again"),
      h("button", { type: "button", class: "second", on: { click: () => act("Withdraw this release?", `Devices that run ${one.target} go on; no other device fetches it any more.`, "Withdraw", async () => { await post(`${path}/withdraw`); return `${one.target} is withdrawn.`; }) } }, "Withdraw")),
    h("div", { class: "scroll" }, table([
      ["Device", (report) => report.device], ["Step", (report) => report.step], ["Backend", (report) => report.rung],
      ["Windows missed", (report) => String(report.windows_missed), { num: true }], ["Received", (report) => stamp(report.received)], ["Why", (report) => report.reason],
    ], one.reports, { empty: "No device has reported yet." })));
}

onEvents(["model.report", "command.answer"], showReleases);
tried(showStarts);
showJobs();
showReleases();
