// What is asked of a bed, and what became of it: said until the device has answered.

import { get, post } from "./api.js";
import { write } from "./dom.js";

const EVERY_MS = 700;
const OPEN = ["requested", "sent"];

// Asks, then says how it goes in `place`; resolves with the command once it is over.
export async function order(place, path, body, words) {
  write(place, `${words}: asked`);
  try {
    let said = await post(path, body);
    while (OPEN.includes(said.state)) {
      await new Promise((done) => { setTimeout(done, EVERY_MS); });
      said = await get(`/commands/${said.id}`);
    }
    write(place, said.state === "done" ? `${words}: done` : said.state === "expired" ? `${words}: the device did not answer; it is away` : `${words}: ${said.state}, ${said.reason}`);
    return said;
  } catch (error) {
    write(place, error.message);
    return null;
  }
}
