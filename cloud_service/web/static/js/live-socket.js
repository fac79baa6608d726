// Live waves of a device, for as long as the page is seen: an open socket keeps the device's lease, a closed one ends it.

import { toLogin } from "./api.js";

const NOT_LOGGED_IN = 4401;
const NO_DEVICE = 4404;

export function watchDevice(device, act) {
  let socket = null;
  let pause = 500;
  let timer = null;

  const open = () => {
    timer = null;
    if (document.hidden || socket) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(`${scheme}//${location.host}/api/v1/devices/${encodeURIComponent(device)}/live`);
    socket.addEventListener("message", (event) => {
      pause = 500;
      act(JSON.parse(event.data));
    });
    socket.addEventListener("close", (event) => {
      socket = null;
      if (event.code === NOT_LOGGED_IN) toLogin();
      else if (event.code !== NO_DEVICE && !document.hidden && timer === null) {
        timer = setTimeout(open, pause);
        pause = Math.min(10000, pause * 2);
      }
    });
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) socket?.close();
    else open();
  });
  addEventListener("pagehide", () => socket?.close());
  open();
}
