// The waves of a finding whose strips have not come, where the clinic's archive has them.

import { get } from "./api.js";

const MOST_S = 120; // the service gives no more at once
const MOST_LEADS = 12;

// As strips are: one entry a contiguous piece of a lead. None where the archive has nothing, or cannot be asked.
export async function fetchStretch(finding) {
  const { evidence, device, recording, leads } = finding;
  if (!evidence.fs_hz || evidence.strip_end <= evidence.strip_start) return [];
  const from = Math.max(0, evidence.strip_start / evidence.fs_hz);
  const to = Math.min(evidence.strip_end / evidence.fs_hz, from + MOST_S);
  const path = `/devices/${encodeURIComponent(device)}/recordings/${encodeURIComponent(recording)}/waves`;
  const wanted = leads.slice(0, MOST_LEADS).map((lead) => `${path}?${new URLSearchParams({ lead, start_s: from, end_s: to })}`);
  const said = await Promise.all(wanted.map((one) => get(one).catch(() => ({ pieces: [] }))));
  return said.flatMap((one) => one.pieces).map((piece) => ({ ...piece, kind: "unknown" }));
}
