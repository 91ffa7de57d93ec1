// What makes the pages more pleasant. Without it everything works: forms have their buttons, and lists are as they
// were when the page was loaded.
"use strict";

// The zone of the browser, for the pages after this one.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `zone=${zone}; Path=/; Max-Age=31536000; SameSite=Strict${secure}`;
}

// A slider says where it stands, and shows it once it rests.
for (const slider of document.querySelectorAll("input[data-submit]")) {
  const shown = document.getElementById(slider.dataset.shows);
  const two = (number) => String(number).padStart(2, "0");
  slider.addEventListener("input", () => {
    const at = new Date(slider.value * 1000);
    const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
    shown.value = `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":")}`;
  });
  slider.addEventListener("change", () => slider.form.requestSubmit());
}

// Shows the latest changes as events come: the server draws them, here they are put in place of the old ones.
const live = document.getElementById("live");
if (live && window.EventSource) {
  let wanted = 0;
  let busy = false;
  const refresh = async () => {
    if (busy) return;
    busy = true;
    for (let tries = 0; tries < 20; tries += 1) {
      const answer = await fetch(location.href);
      if (!answer.ok) break;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const id of ["live", "live-figures"]) {
        const fresh = page.getElementById(id);
        const old = document.getElementById(id);
        if (fresh && old) old.replaceChildren(...fresh.childNodes);
        if (fresh && id === "live") live.dataset.projected = fresh.dataset.projected;
      }
      if (Number(live.dataset.projected) >= wanted) break;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    busy = false;
    if (Number(live.dataset.projected) < wanted) setTimeout(refresh, 2000);
  };
  const stream = new EventSource(live.dataset.stream);
  stream.addEventListener("event", (event) => {
    wanted = Math.max(wanted, Number(event.lastEventId));
    refresh();
  });
  stream.addEventListener("reset", () => stream.close());
  addEventListener("pagehide", () => stream.close());
}
