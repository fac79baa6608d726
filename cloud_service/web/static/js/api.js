// Talks to the clinic's API with the session's CSRF token.

import { hear } from "./contact.js";

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
const PATIENCE_MS = 8000; // a clinic that hangs keeps the line open and never answers
export const ROLES = ["viewer", "reviewer", "engineer", "admin"];

export const me = { name: meta("login"), role: meta("role") };
export const covers = (needed) => ROLES.indexOf(me.role) >= ROLES.indexOf(needed);

export class ApiError extends Error {
  constructor(status, detail, advice) {
    super(advice ? `${detail}. Try: ${advice}` : detail);
    this.status = status;
  }
}

export function toLogin() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

export async function get(path) {
  return ask("GET", path);
}

export async function post(path, body) {
  return ask("POST", path, body ?? {});
}

// A file goes as it is, without its name.
export async function postFile(path, file) {
  return ask("POST", path, file);
}

export async function send(method, path, body) {
  return ask(method, path, body);
}

async function ask(method, path, body) {
  const asked = performance.now();
  let answer;
  let text;
  try {
    answer = await fetch(`/api/v1${path}`, {
      method,
      headers: { "X-CSRF-Token": meta("csrf"), ...(body ? { "Content-Type": body instanceof Blob ? "application/octet-stream" : "application/json" } : {}) },
      body: body instanceof Blob ? body : body ? JSON.stringify(body) : undefined,
      signal: method === "GET" ? AbortSignal.timeout(PATIENCE_MS) : undefined,
    });
    text = await answer.text();
  } catch {
    throw new ApiError(0, "The clinic's service does not answer", "check the network; this page goes on trying");
  }
  if (answer.status === 401 && me.name) toLogin();
  const said = text && answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : {};
  hear(said.now ?? null, asked);
  if (!answer.ok) throw new ApiError(answer.status, words(said.detail) ?? `The service answered ${answer.status}`, said.try);
  said.asked = asked;
  return said;
}

// FastAPI gives a sentence, or a list of what is wrong with each field.
function words(detail) {
  if (Array.isArray(detail)) return detail.map((one) => `${one.loc?.at(-1)}: ${one.msg}`).join("; ");
  return detail;
}
