// Live waves of a device, for as long as the page is seen: an open socket keeps the device's lease, a closed one ends it.

import { toLogin } from "./api.js";
import { hear } from "./contact.js";

const NOT_LOGGED_IN = 4401;
const NO_DEVICE = 4404;
const SILENT_MS = 5000; // the service says what time it is once a second

// a browser reports it as an error when a socket is closed that is not open yet
function hangUp(socket) {
  if (socket?.readyState === WebSocket.CONNECTING) socket.addEventListener("open", () => socket.close());
  else socket?.close();
}

export function watchDevice(device, act) {
  let socket = null;
  let pause = 500;
  let timer = null;
  let spoke = performance.now();

  const open = () => {
    timer = null;
    if (document.hidden || socket) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    spoke = performance.now();
    const mine = socket = new WebSocket(`${scheme}//${location.host}/api/v1/devices/${encodeURIComponent(device)}/live`);
    socket.addEventListener("message", (event) => {
      if (mine !== socket) return;
      pause = 500;
      spoke = performance.now();
      const message = JSON.parse(event.data);
      hear();
      if (message.type !== "now") act(message);
    });
    socket.addEventListener("close", (event) => {
      if (mine !== socket) return;
      socket = null;
      if (event.code === NOT_LOGGED_IN) toLogin();
      else if (event.code !== NO_DEVICE && !document.hidden && timer === null) {
        timer = setTimeout(open, pause);
        pause = Math.min(3000, pause * 2);
      }
    });
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hangUp(socket);
    else open();
  });
  // a line that was cut on the way, or a clinic that hangs, never closes it
  setInterval(() => {
    if (!socket || performance.now() - spoke < SILENT_MS) return;
    const dead = socket;
    socket = null;
    hangUp(dead);
    open();
  }, 1000);
  addEventListener("pagehide", () => hangUp(socket));
  open();
}
