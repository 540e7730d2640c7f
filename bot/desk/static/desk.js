/* The desk's only script. Every page reads and answers without it; with it pages are live and the keyboard is quicker. */
"use strict";
(() => {
  const body = document.body;
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const csrf = body.dataset.csrf || "";
  const reopen = () => { location.href = body.dataset.here; };  /* a reload would send a refused form once more */

  const here = new URL(location.href);
  if (here.searchParams.has("done")) {  /* told once; a reload must not tell it again */
    here.searchParams.delete("done");
    history.replaceState(null, "", here);
  }

  /* -- live: one stream a page says that something has changed; the page then asks for the parts it shows ---------- */

  const title = document.title;
  let waiting = Number(body.dataset.waiting || 0);
  let sound = localStorage.getItem("pandu-bunyi") === "1";
  let audio = null;

  function beep() {
    if (!sound) return;
    audio = audio || new AudioContext();
    const tone = audio.createOscillator(), loud = audio.createGain();
    tone.frequency.value = 660;
    loud.gain.setValueAtTime(0.15, audio.currentTime);
    loud.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.35);
    tone.connect(loud).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + 0.35);
  }

  function badge(count) {
    if (count > waiting) beep();
    waiting = count;
    document.title = count ? `(${count}) ${title}` : title;
    for (const place of all("[data-count=waiting]")) place.textContent = count;
  }

  /* Puts the new rows into a list by their key: only what has changed is touched, so nothing jumps or is read out twice. */
  function merge(list, fresh) {
    const bottom = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
    const seen = new Set();
    let place = list.firstElementChild, grown = false;
    for (const row of [...fresh.children]) {
      seen.add(row.id);
      const old = row.id && document.getElementById(row.id);
      if (!old) {
        row.classList.add("new");
        list.insertBefore(row, place);
        grown = true;
        continue;
      }
      if (old === place) place = place.nextElementSibling;
      else list.insertBefore(old, place);
      if (old.dataset.v !== row.dataset.v && !old.contains(document.activeElement)) old.replaceWith(row);
    }
    for (const row of [...list.children]) if (!seen.has(row.id)) row.remove();
    if (grown && bottom && list.dataset.follow) list.scrollTop = list.scrollHeight;
    return grown;
  }

  async function refresh(part) {
    const answer = await fetch(part.dataset.part, { headers: { "X-Part": "1" }, credentials: "same-origin" });
    if (answer.redirected || answer.status === 401) return reopen();
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const fresh of all("[data-part]", page)) {
      const here = document.getElementById(fresh.id);
      if (!here) continue;
      if (here.dataset.merge) {
        const grown = merge(here, fresh);
        if (grown && here.dataset.follow && document.hidden) beep();
      } else if (here.dataset.v !== fresh.dataset.v && !here.contains(document.activeElement)) here.replaceWith(fresh);
    }
    tick();
  }

  let busy = null, again = false;
  function changed() {
    if (busy) { again = true; return; }
    const urls = new Map();
    for (const part of all("[data-part]")) urls.set(part.dataset.part, part);
    busy = Promise.all([...urls.values()].map(refresh)).catch(() => {}).finally(() => {
      busy = null;
      if (again) { again = false; changed(); }
    });
  }

  const live = body.dataset.live;
  if (live && window.EventSource) {
    const lost = $("#lost");
    let source = null, timer = null, last = body.dataset.since || "";
    const open = () => {
      clearTimeout(timer);
      source = new EventSource(`${live}${live.includes("?") ? "&" : "?"}since=${encodeURIComponent(last)}`);
      source.onopen = () => { if (lost) lost.hidden = true; };
      source.addEventListener("changed", (event) => {
        last = event.lastEventId;
        badge(Number(event.data || 0));
        changed();
      });
      source.addEventListener("over", reopen);
      source.onerror = () => {
        if (lost) lost.hidden = false;
        if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, 1500);  /* a refused answer ends it for good */
      };
    };
    open();
    addEventListener("pagehide", () => source.close());
    addEventListener("pageshow", (event) => { if (event.persisted) { open(); changed(); } });
  }
  badge(waiting);

  for (const part of all("[data-later]")) refresh(part).catch(() => {});  /* what takes a while to count; its link works without */

  for (const place of all("[data-fills]")) {  /* a file, read into the field that it may also be pasted into */
    const input = $("input", place), field = document.getElementById(place.dataset.fills);
    place.hidden = false;
    input.addEventListener("change", async () => { if (input.files[0]) field.value = await input.files[0].text(); });
  }

  for (const input of all("[data-picture]")) {  /* a picture goes up as soon as it is chosen: a form that is refused keeps it */
    const kept = $("#picture-kept"), wrong = $("#picture-wrong"), use = $("input", kept);
    input.disabled = false;
    input.addEventListener("change", async () => {
      const file = input.files[0];
      if (!file) return;
      const save = $("button.main", input.form);
      save.disabled = true;  /* a draft that is saved meanwhile would be one without it */
      const answer = await fetch(input.dataset.picture, {
        method: "POST", body: file, headers: { "Content-Type": file.type || "image/unknown", "X-CSRF": csrf, "X-Part": "1" }
      }).catch(() => null);
      const found = answer && await answer.json().catch(() => null);
      wrong.hidden = Boolean(answer && answer.ok && found);
      wrong.textContent = wrong.hidden ? "" : (found && found.told) || input.dataset.lost;
      if (wrong.hidden) {
        $("img", kept).src = `${input.dataset.picture}/${found.image}`;
        $("[role=status]", kept).textContent = found.told;
        use.value = found.image;
        use.checked = true;
        kept.hidden = false;
      }
      input.value = "";
      save.disabled = false;
    });
  }

  const toggle = $("#sound");
  if (toggle) {
    const show = () => { toggle.setAttribute("aria-pressed", String(sound)); };
    toggle.hidden = false;
    toggle.addEventListener("click", () => {
      sound = !sound;
      localStorage.setItem("pandu-bunyi", sound ? "1" : "0");
      show();
      beep();
    });
    show();
  }

  /* -- waiting times go on by themselves --------------------------------------------------------------------------- */

  function tick() {
    for (const item of all("time[data-since]")) {
      const minutes = Math.max(0, Math.floor((Date.now() - Date.parse(item.dateTime)) / 60000));
      item.textContent = minutes < 60 ? `${minutes} mnt` : minutes < 1440 ? `${Math.floor(minutes / 60)} jam ${minutes % 60} mnt` : `${Math.floor(minutes / 1440)} hari`;
    }
  }
  setInterval(tick, 15000);

  /* -- writing ------------------------------------------------------------------------------------------------------ */

  const talk = $("#talk");
  if (talk) talk.scrollTop = talk.scrollHeight;
  const text = $("#text");
  if (text && text.form.dataset.draft) {  /* the reply of a conversation; other forms have a field of this name too */
    const form = text.form, state = $("#draft-state"), left = $("#left"), picker = $("#picker");
    let timer = null, kept = text.value;

    const count = () => { if (left) left.textContent = `${text.value.length}/${text.maxLength}`; };
    const save = async () => {
      if (text.value === kept) return;
      const value = text.value;
      const data = new URLSearchParams({ csrf, text: value });
      const answer = await fetch(form.dataset.draft, { method: "POST", body: data, headers: { "X-Part": "1" } }).catch(() => null);
      if (answer && answer.ok) { kept = value; if (state) state.textContent = "Draf tersimpan"; }
    };
    text.addEventListener("input", () => {
      count();
      if (state) state.textContent = "";
      clearTimeout(timer);
      timer = setTimeout(save, 1200);
      pick();
    });
    document.addEventListener("visibilitychange", () => { if (document.hidden) save(); });
    form.addEventListener("submit", () => clearTimeout(timer));
    count();

    const put = (value) => {
      text.value = value;
      text.focus();
      text.dispatchEvent(new Event("input"));
    };
    document.addEventListener("click", (event) => {
      const use = event.target.closest("[data-use]");
      if (!use) return;
      event.preventDefault();
      put(use.dataset.use);
    });

    /* "/" at the beginning searches the ready answers */
    const choices = all("[data-canned]").map((item) => ({ short: item.dataset.canned, title: item.dataset.title, value: item.dataset.use }));
    let found = [], index = 0;
    const close = () => { picker.hidden = true; text.setAttribute("aria-expanded", "false"); text.removeAttribute("aria-activedescendant"); };
    const mark = () => {
      all("[role=option]", picker).forEach((item, i) => item.setAttribute("aria-selected", String(i === index)));
      text.setAttribute("aria-activedescendant", `pick-${index}`);
      const item = $(`#pick-${index}`);
      if (item) item.scrollIntoView({ block: "nearest" });
    };
    function pick() {
      if (!picker) return;
      const asked = /^\/(\S*)$/.exec(text.value);
      if (!asked) return close();
      const words = asked[1].toLowerCase();
      found = choices.filter((c) => `${c.short} ${c.title} ${c.value}`.toLowerCase().includes(words)).slice(0, 8);
      picker.replaceChildren(...found.map((c, i) => {
        const item = document.createElement("li");
        item.id = `pick-${i}`;
        item.setAttribute("role", "option");
        item.textContent = `/${c.short} · ${c.title}`;
        item.addEventListener("mousedown", (event) => { event.preventDefault(); close(); put(c.value); });
        return item;
      }));
      index = 0;
      picker.hidden = !found.length;
      text.setAttribute("aria-expanded", String(!picker.hidden));
      if (found.length) mark();
    }
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit($("#send")); return; }
      if (!picker || picker.hidden) return;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        index = (index + (event.key === "ArrowDown" ? 1 : found.length - 1)) % found.length;
        mark();
      } else if (event.key === "Enter" || event.key === "Tab") {
        event.preventDefault();
        const chosen = found[index];
        close();
        put(chosen.value);
      } else if (event.key === "Escape") close();
    });
    if (body.dataset.focus === "text") text.focus();
  }

  /* -- a form that shows its answer in place (the record) ------------------------------------------------------------ */

  document.addEventListener("submit", async (event) => {
    const form = event.target, place = form.dataset.into && document.getElementById(form.dataset.into);
    if (!place) return;
    event.preventDefault();
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { "X-Part": "1" } });
    if (!answer.ok) return reopen();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(place.id);
    if (fresh) { place.replaceWith(fresh); fresh.setAttribute("tabindex", "-1"); fresh.focus(); }
  });

  /* -- the queue by keyboard: arrows move between the entries while one of them has the focus ------------------------- */

  document.addEventListener("keydown", (event) => {
    if (!["ArrowDown", "ArrowUp"].includes(event.key)) return;
    const links = all(".queue .who a");
    const here = links.indexOf(document.activeElement);
    if (here < 0) return;
    event.preventDefault();
    links[(here + (event.key === "ArrowDown" ? 1 : links.length - 1)) % links.length].focus();
  });

  for (const item of all("select[data-submit]")) item.addEventListener("change", () => item.form.requestSubmit());
  for (const item of all("form[data-ask]")) item.addEventListener("submit", (event) => { if (!confirm(item.dataset.ask)) event.preventDefault(); });
})();
